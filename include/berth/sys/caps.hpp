// Capabilities by name. A set is a bit mask: bit N is CAP_N.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::sys {

using CapabilitySet = std::uint64_t;

// Docker's fourteen: CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE
// SYS_CHROOT KILL AUDIT_WRITE.
inline constexpr CapabilitySet kDefaultCapabilities = 0xa80425fb;

// "CAP_SYS_ADMIN", "SYS_ADMIN", "sys_admin".
std::optional<int> capability_number(std::string_view name);
std::string capability_name(int number);  // "CAP_SYS_ADMIN"
int last_capability();                    // of the running kernel
CapabilitySet all_capabilities();         // that this process may hand on (its bounding set)

struct CapabilityChoice {
  CapabilitySet set = 0;
  std::vector<std::string> unknown;  // names that mean nothing here: warn, continue without
};
// cap_add and cap_drop as compose has them, "ALL" included: drop ALL, then add, then drop.
CapabilityChoice choose_capabilities(const std::vector<std::string>& add, const std::vector<std::string>& drop,
                                     CapabilitySet base = kDefaultCapabilities);

}  // namespace berth::sys
