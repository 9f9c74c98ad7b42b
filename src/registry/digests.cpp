#include "berth/registry/digests.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <system_error>
#include <thread>

#include "berth/image/reference.hpp"
#include "lane.hpp"
#include "mirrors.hpp"
#include "resolve.hpp"

namespace berth::registry {
namespace {

constexpr std::size_t kAskedAtOnce = 4;

Result<std::string> fetch_digest(const Network& network, Transport& transport, const std::string& name) {
  auto reference = image::parse_reference(name);
  if (!reference) return reference.error();
  if (!reference->digest.empty()) return reference->digest;
  const ResolveTask task{*reference, host_platform(), {}};
  return ask_in_turn<std::string>(network, transport, *reference, {},
                                  [&](Session& session) { return resolve_digest(session, task); });
}

}  // namespace

std::vector<Result<std::string>> fetch_digests(const std::vector<std::string>& references,
                                               const std::map<std::string, std::string>& environment, int stop_fd) {
  auto network = Network::open(environment, stop_fd);
  if (!network) return std::vector<Result<std::string>>(references.size(), network.error());
  std::vector<std::optional<Result<std::string>>> answers(references.size());
  std::atomic<std::size_t> next{0};
  const auto ask = [&] {
    const auto transport = (*network)->transport();
    for (std::size_t i = next++; i < references.size(); i = next++)
      answers[i] = fetch_digest(**network, *transport, references[i]);
  };
  {
    std::vector<std::jthread> beside;
    try {
      for (std::size_t i = 1; i < std::min(kAskedAtOnce, references.size()); ++i) beside.emplace_back(ask);
    } catch (const std::system_error&) {
      // This thread asks what those that there are do not.
    }
    ask();
  }
  std::vector<Result<std::string>> out;
  for (auto& answer : answers) out.push_back(std::move(*answer));
  return out;
}

}  // namespace berth::registry
