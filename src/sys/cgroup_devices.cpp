// Which devices a group may use. v1 takes lines; v2 wants a BPF program, which is assembled here by hand: the last rule
// that matches decides, so the rules are tried from the last to the first.
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "berth/sys/cgroup.hpp"
#include "berth/sys/file.hpp"

namespace berth::sys {

namespace {

std::string rule_line(const DeviceAccess& rule) {
  const auto number = [](const std::optional<std::uint32_t>& n) { return n ? std::to_string(*n) : std::string("*"); };
  return std::string(1, rule.type) + " " + number(rule.major) + ":" + number(rule.minor) + " " + rule.access;
}

Result<void> write_rules_v1(const CgroupSet& group, const std::vector<DeviceAccess>& rules) {
  for (const auto& rule : rules) {
    const char* file = rule.allow ? "devices.allow" : "devices.deny";
    BERTH_TRY(group.write("devices", file, rule.type == 'a' ? "a" : rule_line(rule)));
  }
  return {};
}

std::uint32_t access_bits(const std::string& access) {
  std::uint32_t bits = 0;
  for (char c : access) {
    if (c == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
    if (c == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (c == 'w') bits |= BPF_DEVCG_ACC_WRITE;
  }
  return bits;
}

bpf_insn instruction(std::uint8_t code, std::uint8_t to, std::uint8_t from, std::int16_t offset,
                     std::int32_t immediate) {
  bpf_insn made{};
  made.code = code;
  made.dst_reg = to & 15u;
  made.src_reg = from & 15u;
  made.off = offset;
  made.imm = immediate;
  return made;
}

// Context: {u32 access_type (access << 16 | type), u32 major, u32 minor}. r2 = type, r3 = access, r4 = major, r5 =
// minor.
std::vector<bpf_insn> device_program(const std::vector<DeviceAccess>& rules) {
  constexpr std::uint8_t kLoad = BPF_LDX | BPF_MEM | BPF_W, kMove = BPF_ALU | BPF_MOV,
                         kJumpNot = BPF_JMP | BPF_JNE | BPF_K;
  std::vector<bpf_insn> code = {
      instruction(kLoad, 2, 1, 0, 0),
      instruction(kMove | BPF_X, 3, 2, 0, 0),
      instruction(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff),
      instruction(BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16),
      instruction(kLoad, 4, 1, 4, 0),
      instruction(kLoad, 5, 1, 8, 0),
  };
  const auto finish = [&](bool allow, std::vector<bpf_insn>& to) {
    to.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, allow ? 1 : 0));
    to.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  };
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    std::vector<bpf_insn> block;
    std::vector<std::size_t> leave;  // jumps to the next rule
    const auto unless = [&](std::uint8_t reg, std::int32_t value) {
      leave.push_back(block.size());
      block.push_back(instruction(kJumpNot, reg, 0, 0, value));
    };
    if (rule->type == 'b') unless(2, BPF_DEVCG_DEV_BLOCK);
    if (rule->type == 'c') unless(2, BPF_DEVCG_DEV_CHAR);
    const auto access = access_bits(rule->access);
    if (rule->type != 'a' && access != 7) {
      // An allowing rule must cover all that is asked for, a denying one any of it.
      block.push_back(instruction(kMove | BPF_X, 1, 3, 0, 0));
      block.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, 1, 0, 0,
                                  static_cast<std::int32_t>(rule->allow ? ~access & 7u : access)));
      leave.push_back(block.size());
      block.push_back(
          instruction(static_cast<std::uint8_t>(BPF_JMP | (rule->allow ? BPF_JNE : BPF_JEQ) | BPF_K), 1, 0, 0, 0));
    }
    if (rule->type != 'a' && rule->major) unless(4, static_cast<std::int32_t>(*rule->major));
    if (rule->type != 'a' && rule->minor) unless(5, static_cast<std::int32_t>(*rule->minor));
    finish(rule->allow, block);
    for (std::size_t at : leave) block[at].off = static_cast<std::int16_t>(block.size() - at - 1);
    code.insert(code.end(), block.begin(), block.end());
    if (rule->type == 'a') return code;  // matches everything: what comes before it never counts
  }
  finish(false, code);
  return code;
}

long bpf_call(int command, bpf_attr& attributes) { return syscall(SYS_bpf, command, &attributes, sizeof attributes); }

Result<void> attach_v2(const CgroupSet& group, const std::vector<DeviceAccess>& rules) {
  const auto code = device_program(rules);
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<std::uint64_t>(code.data());
  load.insn_cnt = static_cast<std::uint32_t>(code.size());
  load.license = reinterpret_cast<std::uint64_t>("GPL");
  const long program = bpf_call(BPF_PROG_LOAD, load);
  if (program < 0) return Error::system(errno, "load the device rules of", group.name());
  UniqueFd owner(static_cast<int>(program));
  const std::string path = group.directories().at("");
  auto directory = open(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();

  // Without ALLOW_MULTI an attached program is replaced in one step: no moment without rules.
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(directory->get());
  attach.attach_bpf_fd = static_cast<std::uint32_t>(owner.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  if (bpf_call(BPF_PROG_ATTACH, attach) != 0) {
    // The parent has programs with ALLOW_MULTI (systemd): then ours must be attached that way too.
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    if (bpf_call(BPF_PROG_ATTACH, attach) != 0) return Error::system(errno, "attach the device rules to", path);
  }
  return {};
}

}  // namespace

Result<void> set_device_rules(const CgroupSet& group, const std::vector<DeviceAccess>& rules) {
  if (rules.empty() || group.empty()) return {};
  if (cgroup_layout().version == CgroupVersion::V2) return attach_v2(group, rules);
  return write_rules_v1(group, rules);
}

}  // namespace berth::sys
