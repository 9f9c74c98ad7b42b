// Seccomp profiles: rules by name, compiled to a BPF program by libseccomp.
//
// Traps: names that the installed libseccomp does not know are resolved by our own number table (x86-64); others are
// skipped. System calls newer than every name the filter knows must give ENOSYS, not EPERM, or libraries do not fall
// back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::sys {

enum class SeccompAction { Allow, Errno, KillProcess, KillThread, Trap, Log };
enum class SeccompCompare { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, MaskedEqual };

struct SeccompArgument {
  unsigned index = 0;
  SeccompCompare compare = SeccompCompare::Equal;
  std::uint64_t value = 0;
  std::uint64_t masked_value = 0;  // MaskedEqual: (argument & value) == masked_value
};

struct SeccompRule {
  std::vector<std::string> names;
  SeccompAction action = SeccompAction::Allow;
  int errno_value = 1;
  std::vector<SeccompArgument> arguments;
};

struct SeccompProfile {
  SeccompAction default_action = SeccompAction::Errno;
  int default_errno = 1;
  std::vector<SeccompRule> rules;
  bool x86_and_x32 = true;  // filter 32-bit and x32 entry as well
};

// struct sock_filter[] as bytes.
Result<std::vector<std::byte>> compile_seccomp(const SeccompProfile& profile);
// -1 when neither libseccomp nor our table knows it. x86-64.
int syscall_number(const std::string& name);

}  // namespace berth::sys
