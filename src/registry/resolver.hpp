// The addresses of a host. A resolver of our own: glibc's cannot be linked into a program that runs on any Linux, and
// it cannot be interrupted. Asks /etc/hosts, then the servers of /etc/resolv.conf with its search list, A and AAAA side
// by side, UDP and then TCP for what does not fit.
#pragma once

#include <string>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::registry {

// Text, IPv6 first where there is any; never empty. An address is its own answer; `localhost` needs nobody to ask.
// NotFound: there is no such name. TimedOut, Cancelled.
Result<std::vector<std::string>> resolve_host(const std::string& host, int stop_fd);

}  // namespace berth::registry
