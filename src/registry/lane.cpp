#include "lane.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <random>

#include "berth/sys/tcp_client.hpp"

namespace berth::registry {
namespace {

class SteadyClock final : public async::Time {
 public:
  async::Clock::time_point now() const override { return async::Clock::now(); }
};

}  // namespace

std::string pull_scope(const std::string& repository) { return "repository:" + repository + ":pull"; }
std::string push_scope(const std::string& repository) { return "repository:" + repository + ":pull,push"; }

Result<std::shared_ptr<const Network>> Network::open(std::map<std::string, std::string> environment, int stop_fd) {
  auto out = std::make_shared<Network>();
  auto settings = read_settings();
  if (!settings) return settings.error();
  out->settings_ = std::move(*settings);
  auto proxies = ProxySettings::from(environment);
  if (!proxies) return proxies.error();
  out->proxies_ = std::move(*proxies);
  out->environment_ = std::move(environment);
  out->stop_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!out->stop_) return Error::system(errno, "create", "eventfd");
  out->stop_fd_ = stop_fd >= 0 ? stop_fd : out->stop_.get();
  return std::shared_ptr<const Network>(std::move(out));
}

void Network::stop() const {
  const std::uint64_t one = 1;
  // Cannot fail but where it was stopped 2^64 times.
  (void)!::write(stop_.get(), &one, sizeof one);
}

std::unique_ptr<Transport> Network::transport(int stop_fd) const {
  TransportOptions options;
  options.proxies = proxies_;
  options.patience.stop_fd = stop_fd >= 0 ? stop_fd : stop_fd_;
  options.tls = [settings = settings_](const Url& url) {
    const std::string name = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
    TlsChoice choice;
    choice.certificates = find_certificates(name + ":" + std::to_string(url.port));
    if (choice.certificates.authorities.empty() && url.port == 443) choice.certificates = find_certificates(name);
    // Somebody who says which authority to trust means it, on loopback too.
    choice.verify = !choice.certificates.authorities.empty() || !may_be_plain(settings, url.authority());
    return choice;
  };
  return open_transport(std::move(options));
}

Surroundings Network::surroundings(int stop_fd) const {
  static const SteadyClock kClock;
  Surroundings out;
  out.time = &kClock;
  out.wall = [] { return std::chrono::system_clock::now(); };
  out.random = [engine = std::make_shared<std::minstd_rand>(std::random_device{}())] {
    return std::uniform_real_distribution<double>(0, 1)(*engine);
  };
  out.wait = [fd = stop_fd >= 0 ? stop_fd : stop_fd_](std::chrono::milliseconds time) { return sys::pause(time, fd); };
  return out;
}

Result<Access> Network::access(const std::string& registry, const std::string& repository,
                               std::vector<std::string> scopes) const {
  auto credential = CredentialFiles(environment_, stop_fd_).find(registry, repository);
  if (!credential) return credential.error();
  auto out = access_to(registry, may_be_plain(settings_, registry), std::move(*credential));
  if (out) out->scopes = std::move(scopes);
  return out;
}

Result<Access> Network::access_to_mirror(const Url& mirror, std::vector<std::string> scopes) const {
  auto out = access(mirror.authority(), {}, std::move(scopes));
  if (!out) return out;
  // Its settings say how it is spoken to; credentials for it are its own.
  out->base = mirror;
  out->scheme_known = true;
  return out;
}

}  // namespace berth::registry
