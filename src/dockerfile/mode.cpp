#include "berth/dockerfile/mode.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace berth::dockerfile {
namespace {

constexpr std::uint32_t kUser = 04700, kGroup = 02070, kOther = 01007, kAll = 07777;

std::uint32_t class_bits(char who) {
  switch (who) {
    case 'u': return kUser;
    case 'g': return kGroup;
    case 'o': return kOther;
    case 'a': return kAll;
    default: return 0;
  }
}

std::uint32_t permission_bits(char permission) {
  switch (permission) {
    case 'r': return 0444;
    case 'w': return 0222;
    case 'x': return 0111;
    case 's': return 06000;
    case 't': return 01000;
    default: return 0;
  }
}

}  // namespace

// [ugoa]* then one or more of: operation, permissions (or one class to copy from).
bool FileMode::parse_clause(std::string_view text, std::vector<Change>& out) {
  std::uint32_t who = 0;
  std::size_t at = 0;
  for (; at < text.size() && class_bits(text[at]); ++at) who |= class_bits(text[at]);
  if (at == text.size()) return false;
  while (at < text.size()) {
    Change change;
    change.who = who ? who : kAll;
    change.operation = text[at++];
    if (change.operation != '+' && change.operation != '-' && change.operation != '=') return false;
    if (at < text.size() && (text[at] == 'u' || text[at] == 'g' || text[at] == 'o')) {
      change.copied_from = text[at++];
    } else {
      for (; at < text.size(); ++at) {
        if (text[at] == 'X')
          change.execute_if_any = true;
        else if (const auto bits = permission_bits(text[at]))
          change.bits |= bits;
        else
          break;
      }
    }
    out.push_back(change);
  }
  return true;
}

Result<FileMode> FileMode::parse(std::string_view text) {
  FileMode out;
  const auto wrong = [&] {
    return Error::make(ErrorKind::Invalid,
                       "invalid chmod parameter: '" + std::string(text) +
                           "'. it should be octal string and between 0 and 07777, or symbolic as in u=rwX,go=rX");
  };
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out.mode_, 8);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || out.mode_ > kAll) return wrong();
    out.octal_ = true;
    return out;
  }
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    if (!parse_clause(text.substr(at, end - at), out.changes_)) return wrong();
    at = end + 1;
  }
  return out;
}

std::uint32_t FileMode::bits_of(const Change& change, std::uint32_t mode, bool directory) const {
  std::uint32_t bits = change.bits;
  if (change.execute_if_any && (directory || (mode & 0111))) bits |= 0111;
  if (change.copied_from) {
    const int shift = change.copied_from == 'u' ? 6 : change.copied_from == 'g' ? 3 : 0;
    bits = ((mode >> shift) & 7) * 0111;
  }
  return bits & change.who;
}

std::uint32_t FileMode::applied_to(std::uint32_t mode, bool directory) const {
  if (octal_) return mode_;
  mode &= kAll;
  for (const Change& change : changes_) {
    const std::uint32_t bits = bits_of(change, mode, directory);
    if (change.operation == '+')
      mode |= bits;
    else if (change.operation == '-')
      mode &= ~bits;
    else
      mode = (mode & ~change.who) | bits;
  }
  return mode;
}

}  // namespace berth::dockerfile
