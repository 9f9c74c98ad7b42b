#include "berth/sys/seccomp.hpp"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "berth/sys/file.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

namespace {

// Newer than the libseccomp 2.5.4 of Debian 12. From 424 on all architectures share their numbers.
struct NewSyscall {
  const char* name;
  int number;
};
constexpr std::array kNewSyscalls = {
    NewSyscall{"uretprobe", 335},
    NewSyscall{"futex_waitv", 449},
    NewSyscall{"set_mempolicy_home_node", 450},
    NewSyscall{"cachestat", 451},
    NewSyscall{"fchmodat2", 452},
    NewSyscall{"map_shadow_stack", 453},
    NewSyscall{"futex_wake", 454},
    NewSyscall{"futex_wait", 455},
    NewSyscall{"futex_requeue", 456},
    NewSyscall{"statmount", 457},
    NewSyscall{"listmount", 458},
    NewSyscall{"lsm_get_self_attr", 459},
    NewSyscall{"lsm_set_self_attr", 460},
    NewSyscall{"lsm_list_modules", 461},
    NewSyscall{"mseal", 462},
    NewSyscall{"setxattrat", 463},
    NewSyscall{"getxattrat", 464},
    NewSyscall{"listxattrat", 465},
    NewSyscall{"removexattrat", 466},
};
constexpr int kNewestKnown = 466;
constexpr std::uint32_t kX32Bit = 0x40000000;

std::uint32_t action_value(SeccompAction action, int errno_value) {
  switch (action) {
    case SeccompAction::Allow: return SCMP_ACT_ALLOW;
    case SeccompAction::Errno: return SCMP_ACT_ERRNO(static_cast<unsigned>(errno_value));
    case SeccompAction::KillProcess: return SCMP_ACT_KILL_PROCESS;
    case SeccompAction::KillThread: return SCMP_ACT_KILL_THREAD;
    case SeccompAction::Trap: return SCMP_ACT_TRAP;
    case SeccompAction::Log: return SCMP_ACT_LOG;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_arg_cmp compare_of(const SeccompArgument& argument) {
  scmp_compare how = SCMP_CMP_EQ;
  switch (argument.compare) {
    case SeccompCompare::Equal: how = SCMP_CMP_EQ; break;
    case SeccompCompare::NotEqual: how = SCMP_CMP_NE; break;
    case SeccompCompare::Less: how = SCMP_CMP_LT; break;
    case SeccompCompare::LessEqual: how = SCMP_CMP_LE; break;
    case SeccompCompare::Greater: how = SCMP_CMP_GT; break;
    case SeccompCompare::GreaterEqual: how = SCMP_CMP_GE; break;
    case SeccompCompare::MaskedEqual: how = SCMP_CMP_MASKED_EQ; break;
  }
  return {argument.index, how, argument.value, argument.masked_value};
}

struct Extra {
  int number;
  std::uint32_t action;
};

int number_in_own_table(const std::string& name) {
  for (const auto& known : kNewSyscalls)
    if (name == known.name) return known.number;
  return -1;
}

Result<void> add_rule(scmp_filter_ctx context, const SeccompRule& rule, std::uint32_t default_action,
                      std::vector<Extra>& extras) {
  const std::uint32_t action = action_value(rule.action, rule.errno_value);
  if (action == default_action) return {};  // libseccomp refuses a rule that says nothing
  std::vector<scmp_arg_cmp> arguments;
  for (const auto& argument : rule.arguments) arguments.push_back(compare_of(argument));
  for (const auto& name : rule.names) {
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) {
      // By hand in front of the filter; only rules without arguments exist for names that new.
      if (const int own = number_in_own_table(name); own >= 0 && arguments.empty()) extras.push_back({own, action});
      continue;
    }
    const int result = seccomp_rule_add_array(context, action, number, static_cast<unsigned>(arguments.size()),
                                              arguments.empty() ? nullptr : arguments.data());
    if (result < 0) return Error::system(-result, "add to the seccomp filter", name);
  }
  return {};
}

sock_filter statement(std::uint16_t code, std::uint32_t k) { return {code, 0, 0, k}; }
sock_filter jump(std::uint16_t code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) { return {code, yes, no, k}; }

// What runs before libseccomp's program: the system calls it does not know. Falls through to it with `else`.
std::vector<sock_filter> preamble(const std::vector<Extra>& extras, std::uint32_t default_action) {
  std::vector<sock_filter> known;
  for (const auto& extra : extras) {
    known.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(extra.number), 0, 1));
    known.push_back(statement(BPF_RET | BPF_K, extra.action));
  }
  if (default_action != SCMP_ACT_ALLOW) {
    known.push_back(jump(BPF_JMP | BPF_JGT | BPF_K, kNewestKnown, 0, 1));
    known.push_back(statement(BPF_RET | BPF_K, SCMP_ACT_ERRNO(ENOSYS)));
  }
  const auto skip = static_cast<std::uint32_t>(known.size());
  std::vector<sock_filter> code;
  code.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  code.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 2, 0));
  code.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 1, 0));
  code.push_back(statement(BPF_JMP | BPF_JA, skip + 4));
  code.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  code.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, 0xffffffff, 1, 0));  // -1 is the tracer's "skip"
  code.push_back(jump(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 1));
  code.push_back(statement(BPF_JMP | BPF_JA, skip));
  code.insert(code.end(), known.begin(), known.end());
  return code;
}

Result<std::vector<sock_filter>> export_program(scmp_filter_ctx context) {
  UniqueFd file(memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return Error::system(errno, "make a memory file for", "the seccomp filter");
  if (const int result = seccomp_export_bpf(context, file.get()); result < 0)
    return Error::system(-result, "compile", "the seccomp filter");
  const off_t size = lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size)
    return Error::system(errno, "read", "the seccomp filter");
  return program;
}

}  // namespace

int syscall_number(const std::string& name) {
  const int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
  return number >= 0 ? number : number_in_own_table(name);
}

Result<std::vector<std::byte>> compile_seccomp(const SeccompProfile& profile) {
  const std::uint32_t default_action = action_value(profile.default_action, profile.default_errno);
  std::unique_ptr<void, void (*)(void*)> context(seccomp_init(default_action), [](void* c) { seccomp_release(c); });
  if (!context) return Error::system(ENOMEM, "make", "the seccomp filter");
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0);
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: a list of 350 costs every call
  if (profile.x86_and_x32)
    for (auto architecture : {SCMP_ARCH_X86, SCMP_ARCH_X32})
      if (int result = seccomp_arch_add(context.get(), architecture); result < 0 && result != -EEXIST)
        return Error::system(-result, "add an architecture to", "the seccomp filter");
  std::vector<Extra> extras;
  for (const auto& rule : profile.rules) BERTH_TRY(add_rule(context.get(), rule, default_action, extras));
  auto program = export_program(context.get());
  if (!program) return program.error();
  auto code = preamble(extras, default_action);
  code.insert(code.end(), program->begin(), program->end());
  if (code.size() > BPF_MAXINSNS) return Error::make(ErrorKind::Invalid, "the seccomp filter is too long");
  std::vector<std::byte> bytes(code.size() * sizeof(sock_filter));
  std::memcpy(bytes.data(), code.data(), bytes.size());
  return bytes;
}

}  // namespace berth::sys
