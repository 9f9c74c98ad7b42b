#include "berth/dockerfile/platform.hpp"

#include <cctype>
#include <map>
#include <set>
#include <vector>

namespace berth::dockerfile {
namespace {

const std::set<std::string> kSystems{"linux",   "windows", "darwin",  "freebsd", "netbsd", "openbsd",
                                     "solaris", "plan9",   "android", "aix",     "illumos"};
const std::set<std::string> kArchitectures{"386",    "amd64",    "arm",   "arm64",   "loong64", "mips",  "mipsle",
                                           "mips64", "mips64le", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"};

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == '/')
      parts.emplace_back();
    else
      parts.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return parts;
}

// Other names of an architecture, and variants that say nothing.
void make_normal(std::string& architecture, std::string& variant) {
  static const std::map<std::string, std::pair<std::string, std::string>> kAliases{
      {"x86_64", {"amd64", ""}},  {"x86-64", {"amd64", ""}}, {"i386", {"386", ""}},   {"i686", {"386", ""}},
      {"aarch64", {"arm64", ""}}, {"armhf", {"arm", "v7"}},  {"armel", {"arm", "v6"}}};
  if (const auto alias = kAliases.find(architecture); alias != kAliases.end()) {
    architecture = alias->second.first;
    if (variant.empty()) variant = alias->second.second;
  }
  const bool implied =
      (architecture == "arm64" && (variant == "v8" || variant == "8")) || (architecture == "amd64" && variant == "v1");
  if (implied) variant.clear();
  if (architecture == "arm" && variant.empty()) variant = "v7";
}

}  // namespace

Result<std::string> normal_platform(const std::string& text, const std::string& host) {
  auto parts = parts_of(text);
  const auto ours = parts_of(host);
  for (const auto& part : parts)
    if (part.empty() || parts.size() > 3 ||
        part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-.") != std::string::npos)
      return Error::make(ErrorKind::Invalid, "failed to parse platform `" + text + "`");
  std::string variant = parts.size() > 2 ? parts[2] : "";
  if (parts.size() == 1) {
    std::string architecture = parts[0];
    make_normal(architecture, variant);
    if (kSystems.count(parts[0])) {
      parts.push_back(ours.size() > 1 ? ours[1] : "");
      variant = ours.size() > 2 ? ours[2] : "";
    } else if (kArchitectures.count(architecture)) {
      parts = {"linux", architecture};
    } else {
      return Error::make(ErrorKind::Invalid,
                         "failed to parse platform `" + text + "`: unknown operating system or architecture");
    }
  }
  make_normal(parts[1], variant);
  return parts[0] + "/" + parts[1] + (variant.empty() ? "" : "/" + variant);
}

}  // namespace berth::dockerfile
