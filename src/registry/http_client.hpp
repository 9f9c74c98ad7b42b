// The transport over real connections: HTTP/1.1 with keep-alive, TLS, proxies (CONNECT for https). For one thread.
#pragma once

#include <functional>
#include <memory>

#include "berth/registry/http.hpp"
#include "settings.hpp"
#include "wire.hpp"

namespace berth::registry {

struct TransportOptions {
  ProxySettings proxies;
  std::function<TlsChoice(const Url&)> tls;  // empty: the system's authorities, verified
  Patience patience;
};
std::unique_ptr<Transport> open_transport(TransportOptions options);

}  // namespace berth::registry
