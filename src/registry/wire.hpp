// One connection's bytes: TCP, with TLS over it where wanted. Blocks with a limit on idleness; gives up when stop_fd
// becomes readable. A failure is kept as what it means (`failure()`), since an error code cannot say it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "berth/registry/http.hpp"
#include "berth/sys/unique_fd.hpp"
#include "settings.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace berth::registry {

struct TlsChoice {
  Certificates certificates;
  bool verify = true;
};

struct Patience {
  std::chrono::milliseconds connect{30'000};
  std::chrono::milliseconds idle{60'000};
  int stop_fd = -1;
};

class Wire {
 public:
  Wire(std::string peer, Patience patience) : peer_(std::move(peer)), patience_(patience) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire();

  bool connect(const std::string& host, std::uint16_t port);
  // SNI, ALPN http/1.1, TLS 1.2 at least; the name or address must be the certificate's where `choice.verify` says so.
  bool start_tls(const std::string& host, const TlsChoice& choice);

  // 0 at the end of what the peer sends; nothing on a failure.
  std::optional<std::size_t> read(char* buffer, std::size_t length);
  bool write(std::string_view bytes);

  // Whether the peer has closed it, or said something that nobody asked for, while it lay idle.
  bool is_stale() const;
  const HttpError& failure() const { return failure_; }

 private:
  struct FreeTls {
    void operator()(ssl_st* tls) const;
  };
  bool fail(Fault fault, Error error);
  bool fail_tls(const char* doing, int result);
  bool await_tls(int result);  // what a TLS call wants next; false: it failed

  std::string peer_;
  Patience patience_;
  sys::UniqueFd socket_;
  std::unique_ptr<ssl_st, FreeTls> tls_;
  HttpError failure_;
};

}  // namespace berth::registry
