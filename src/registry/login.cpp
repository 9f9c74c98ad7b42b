#include "berth/registry/login.hpp"

#include "lane.hpp"

namespace berth::registry {

Result<void> try_credential(const std::map<std::string, std::string>& environment, const std::string& host,
                            const Credential& credential, int stop_fd) {
  auto network = Network::open(environment, stop_fd);
  if (!network) return network.error();
  auto access = access_to(host, may_be_plain((*network)->settings(), host), credential);
  if (!access) return access.error();
  const auto transport = (*network)->transport();
  Session session(*transport, std::move(*access), (*network)->surroundings());
  Request request;
  request.path = "/v2/";
  auto response = session.perform(request);
  const std::string what = "logging in to `" + host + "`";
  if (!response) return response.error().while_doing(what);
  if (!response->is_good()) return session.refusal(*response, what);
  return {};
}

}  // namespace berth::registry
