#include "berth/sys/caps.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "berth/sys/file.hpp"

namespace berth::sys {

namespace {
// In the order of linux/capability.h.
constexpr std::array<std::string_view, 41> kCapabilityNames = {"CHOWN",
                                                               "DAC_OVERRIDE",
                                                               "DAC_READ_SEARCH",
                                                               "FOWNER",
                                                               "FSETID",
                                                               "KILL",
                                                               "SETGID",
                                                               "SETUID",
                                                               "SETPCAP",
                                                               "LINUX_IMMUTABLE",
                                                               "NET_BIND_SERVICE",
                                                               "NET_BROADCAST",
                                                               "NET_ADMIN",
                                                               "NET_RAW",
                                                               "IPC_LOCK",
                                                               "IPC_OWNER",
                                                               "SYS_MODULE",
                                                               "SYS_RAWIO",
                                                               "SYS_CHROOT",
                                                               "SYS_PTRACE",
                                                               "SYS_PACCT",
                                                               "SYS_ADMIN",
                                                               "SYS_BOOT",
                                                               "SYS_NICE",
                                                               "SYS_RESOURCE",
                                                               "SYS_TIME",
                                                               "SYS_TTY_CONFIG",
                                                               "MKNOD",
                                                               "LEASE",
                                                               "AUDIT_WRITE",
                                                               "AUDIT_CONTROL",
                                                               "SETFCAP",
                                                               "MAC_OVERRIDE",
                                                               "MAC_ADMIN",
                                                               "SYSLOG",
                                                               "WAKE_ALARM",
                                                               "BLOCK_SUSPEND",
                                                               "AUDIT_READ",
                                                               "PERFMON",
                                                               "BPF",
                                                               "CHECKPOINT_RESTORE"};

std::string upper_without_prefix(std::string_view name) {
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  if (text.rfind("CAP_", 0) == 0) text.erase(0, 4);
  return text;
}
}  // namespace

std::optional<int> capability_number(std::string_view name) {
  const std::string wanted = upper_without_prefix(name);
  const auto at = std::find(kCapabilityNames.begin(), kCapabilityNames.end(), wanted);
  if (at == kCapabilityNames.end()) return std::nullopt;
  return static_cast<int>(at - kCapabilityNames.begin());
}

std::string capability_name(int number) {
  if (number < 0 || number >= static_cast<int>(kCapabilityNames.size())) return "CAP_" + std::to_string(number);
  return "CAP_" + std::string(kCapabilityNames[static_cast<std::size_t>(number)]);
}

int last_capability() {
  static const int last = [] {
    auto text = read_file("/proc/sys/kernel/cap_last_cap");
    return text ? std::atoi(text->c_str()) : 40;
  }();
  return last;
}

CapabilitySet all_capabilities() {
  static const CapabilitySet set = [] {
    CapabilitySet found = 0;
    for (int n = 0; n <= last_capability(); ++n)
      if (prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1) found |= CapabilitySet{1} << n;
    return found;
  }();
  return set;
}

CapabilityChoice choose_capabilities(const std::vector<std::string>& add, const std::vector<std::string>& drop,
                                     CapabilitySet base) {
  CapabilityChoice choice{.set = base, .unknown = {}};
  const auto is_all = [](const std::string& name) { return upper_without_prefix(name) == "ALL"; };
  if (std::any_of(drop.begin(), drop.end(), is_all)) choice.set = 0;
  if (std::any_of(add.begin(), add.end(), is_all)) choice.set = all_capabilities();
  const auto each = [&](const std::vector<std::string>& names, auto apply) {
    for (const auto& name : names) {
      if (is_all(name)) continue;
      if (auto number = capability_number(name))
        apply(CapabilitySet{1} << *number);
      else
        choice.unknown.push_back(name);
    }
  };
  each(add, [&](CapabilitySet bit) { choice.set |= bit; });
  each(drop, [&](CapabilitySet bit) { choice.set &= ~bit; });
  return choice;
}

}  // namespace berth::sys
