// What one transfer at a time runs on: a transport with its connections, and how to begin a session over it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "berth/async/loop.hpp"
#include "berth/registry/credentials.hpp"
#include "berth/registry/transfer.hpp"
#include "berth/sys/unique_fd.hpp"
#include "http_client.hpp"
#include "session.hpp"
#include "settings.hpp"

namespace berth::registry {

// Settings and environment of one command, read once, and the descriptor that ends all of its work. Read by all
// threads, changed by none.
class Network {
 public:
  // Throws nothing; what cannot be read is an error that names it.
  // `stop_fd`: somebody else's descriptor that ends the work; -1: stop() does.
  static Result<std::shared_ptr<const Network>> open(std::map<std::string, std::string> environment, int stop_fd = -1);

  // `stop_fd`: ends them in place of the network's own.
  std::unique_ptr<Transport> transport(int stop_fd = -1) const;
  Surroundings surroundings(int stop_fd = -1) const;
  const RegistrySettings& settings() const { return settings_; }
  // Asks the files and helpers; `scopes` are those that a token is to have.
  Result<Access> access(const std::string& registry, const std::string& repository,
                        std::vector<std::string> scopes) const;
  // The same of a mirror of docker.io.
  Result<Access> access_to_mirror(const Url& mirror, std::vector<std::string> scopes) const;

  int stop_fd() const { return stop_fd_; }
  void stop() const;  // everything that waits ends with Cancelled

 private:
  std::map<std::string, std::string> environment_;
  RegistrySettings settings_;
  ProxySettings proxies_;
  sys::UniqueFd stop_;  // eventfd
  int stop_fd_ = -1;
};

std::string pull_scope(const std::string& repository);
std::string push_scope(const std::string& repository);

}  // namespace berth::registry
