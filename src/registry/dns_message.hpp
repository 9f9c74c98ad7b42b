// Questions to a name server and its answers. Pure; every offset is checked and compression pointers only go back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::registry {

enum class DnsType : std::uint16_t { A = 1, Aaaa = 28 };

// Invalid where the name cannot be asked for (a label of more than 63 bytes, 255 in all, an empty one).
Result<std::string> dns_question(std::uint16_t id, const std::string& name, DnsType type);

struct DnsAnswer {
  int code = 0;  // 0: no error, 2: server failure, 3: no such name
  bool truncated = false;
  std::vector<std::string> addresses;  // text, of that type
};
// Protocol where it is no answer to that question.
Result<DnsAnswer> parse_dns_answer(std::string_view bytes, std::uint16_t id, const std::string& name, DnsType type);

// Addresses that /etc/hosts has for the name, in its order.
std::vector<std::string> addresses_in_hosts(std::string_view hosts, std::string_view name);

}  // namespace berth::registry
