// Seccomp profiles as Docker writes them: {defaultAction, defaultErrnoRet, syscalls: [{names, action, args, includes,
// excludes}]}.
#include <errno.h>

#include <algorithm>
#include <boost/json.hpp>

#include "berth/runtime/default_spec.hpp"
#include "berth/sys/caps.hpp"

namespace berth::runtime {

namespace {

namespace json = boost::json;

Error profile_error(const std::string& what) {
  return Error::make(ErrorKind::Invalid, "the seccomp profile is wrong: " + what);
}

Result<sys::SeccompAction> action_named(std::string_view name) {
  using sys::SeccompAction;
  if (name == "SCMP_ACT_ALLOW") return SeccompAction::Allow;
  if (name == "SCMP_ACT_ERRNO") return SeccompAction::Errno;
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SeccompAction::KillThread;
  if (name == "SCMP_ACT_KILL_PROCESS") return SeccompAction::KillProcess;
  if (name == "SCMP_ACT_TRAP") return SeccompAction::Trap;
  if (name == "SCMP_ACT_LOG") return SeccompAction::Log;
  return profile_error("unknown action `" + std::string(name) + "`");
}

Result<sys::SeccompCompare> compare_named(std::string_view name) {
  using sys::SeccompCompare;
  if (name == "SCMP_CMP_EQ") return SeccompCompare::Equal;
  if (name == "SCMP_CMP_NE") return SeccompCompare::NotEqual;
  if (name == "SCMP_CMP_LT") return SeccompCompare::Less;
  if (name == "SCMP_CMP_LE") return SeccompCompare::LessEqual;
  if (name == "SCMP_CMP_GT") return SeccompCompare::Greater;
  if (name == "SCMP_CMP_GE") return SeccompCompare::GreaterEqual;
  if (name == "SCMP_CMP_MASKED_EQ") return SeccompCompare::MaskedEqual;
  return profile_error("unknown comparison `" + std::string(name) + "`");
}

std::uint64_t number_of(const json::value* value) {
  if (!value) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

std::string text_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<std::string> strings_in(const json::object& object, const char* key) {
  std::vector<std::string> list;
  if (const auto* value = object.if_contains(key); value && value->is_array())
    for (const auto& entry : value->get_array())
      if (entry.is_string()) list.emplace_back(entry.get_string());
  return list;
}

// includes/excludes: capabilities of the container and architectures; a condition that names neither always holds.
bool condition_holds(const json::object& rule, const char* key, std::uint64_t capabilities, bool exclude) {
  const auto* value = rule.if_contains(key);
  if (!value || !value->is_object()) return true;
  const auto& condition = value->get_object();
  const auto has = [&](const std::string& name) {
    const auto number = sys::capability_number(name);
    return number && (capabilities >> *number & 1) != 0;
  };
  const auto caps = strings_in(condition, "caps"), arches = strings_in(condition, "arches");
  const bool ours =
      std::any_of(arches.begin(), arches.end(), [](const auto& a) { return a == "amd64" || a == "x32" || a == "x86"; });
  if (exclude) return std::none_of(caps.begin(), caps.end(), has) && !ours;
  return std::all_of(caps.begin(), caps.end(), has) && (arches.empty() || ours);
}

Result<sys::SeccompRule> rule_from(const json::object& object) {
  sys::SeccompRule rule;
  rule.names = strings_in(object, "names");
  if (const auto name = text_of(object, "name"); !name.empty()) rule.names.push_back(name);
  auto action = action_named(text_of(object, "action"));
  if (!action) return action.error();
  rule.action = *action;
  rule.errno_value = object.contains("errnoRet") ? static_cast<int>(number_of(object.if_contains("errnoRet"))) : EPERM;
  const auto* arguments = object.if_contains("args");
  if (!arguments || !arguments->is_array()) return rule;
  for (const auto& entry : arguments->get_array()) {
    if (!entry.is_object()) return profile_error("`args` must hold objects");
    const auto& argument = entry.get_object();
    auto compare = compare_named(text_of(argument, "op"));
    if (!compare) return compare.error();
    const auto index = number_of(argument.if_contains("index"));
    if (index > 5) return profile_error("a system call has six arguments");
    rule.arguments.push_back({static_cast<unsigned>(index), *compare, number_of(argument.if_contains("value")),
                              number_of(argument.if_contains("valueTwo"))});
  }
  return rule;
}

}  // namespace

Result<sys::SeccompProfile> parse_seccomp(const std::string& text, std::uint64_t capabilities) {
  json::error_code error;
  const auto parsed = json::parse(text, error);
  if (error) return profile_error(error.message());
  if (!parsed.is_object()) return profile_error("it must be an object");
  const auto& object = parsed.get_object();
  sys::SeccompProfile profile;
  auto action = action_named(text_of(object, "defaultAction"));
  if (!action) return action.error();
  profile.default_action = *action;
  profile.default_errno =
      object.contains("defaultErrnoRet") ? static_cast<int>(number_of(object.if_contains("defaultErrnoRet"))) : EPERM;
  const auto* rules = object.if_contains("syscalls");
  if (!rules || !rules->is_array()) return profile;
  for (const auto& entry : rules->get_array()) {
    if (!entry.is_object()) return profile_error("`syscalls` must hold objects");
    const auto& rule = entry.get_object();
    if (!condition_holds(rule, "includes", capabilities, false) ||
        !condition_holds(rule, "excludes", capabilities, true))
      continue;
    auto made = rule_from(rule);
    if (!made) return made.error();
    profile.rules.push_back(std::move(*made));
  }
  return profile;
}

}  // namespace berth::runtime
