#include "berth/image/tar_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace berth::image {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::int64_t kMaxHeaderText = 1 << 20;

Error bad_tar(const std::string& what) { return Error::make(ErrorKind::Protocol, "not a sound tar archive: " + what); }

std::string tar_text(const char* field, std::size_t length) { return std::string(field, strnlen(field, length)); }

// Octal text, or base-256 where the top bit of the first byte is set (GNU).
std::optional<std::int64_t> tar_number(const char* field, std::size_t length) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(field);
  if (bytes[0] & 0x80) {
    std::int64_t value = (bytes[0] & 0x40) ? -1 : (bytes[0] & 0x3f);
    for (std::size_t i = 1; i < length; ++i) {
      if (value > (INT64_MAX >> 8) || value < (INT64_MIN >> 8)) return std::nullopt;
      value = value * 256 + bytes[i];
    }
    return value;
  }
  std::size_t i = 0;
  while (i < length && field[i] == ' ') ++i;
  std::int64_t value = 0;
  for (; i < length && field[i] >= '0' && field[i] <= '7'; ++i) {
    if (value > (INT64_MAX >> 3)) return std::nullopt;
    value = value * 8 + (field[i] - '0');
  }
  if (i < length && field[i] != ' ' && field[i] != '\0') return std::nullopt;
  return value;
}

bool checksum_holds(const char* block) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(block);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) sum += (i >= 148 && i < 156) ? ' ' : bytes[i];
  const auto stored = tar_number(block + 148, 8);
  return stored && *stored == sum;
}

struct Extended {
  std::map<std::string, std::string> records;
  std::string long_name;
  std::string long_link;
  const std::string* get(const char* key) const {
    const auto found = records.find(key);
    return found == records.end() ? nullptr : &found->second;
  }
};

// "LENGTH key=value\n", LENGTH counting itself.
Result<void> parse_pax(const std::string& text, std::map<std::string, std::string>& out) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t length = 0;
    const auto [end, failed] = std::from_chars(text.data() + at, text.data() + text.size(), length);
    const std::size_t digits = static_cast<std::size_t>(end - (text.data() + at));
    if (failed != std::errc() || digits == 0 || length < digits + 3 || length > text.size() - at || *end != ' ' ||
        text[at + length - 1] != '\n')
      return bad_tar("a pax record has a wrong length");
    const std::string record = text.substr(at + digits + 1, length - digits - 2);
    const auto equals = record.find('=');
    if (equals == std::string::npos || equals == 0) return bad_tar("a pax record has no key");
    out[record.substr(0, equals)] = record.substr(equals + 1);
    at += length;
  }
  return {};
}

template <class Number>
Result<void> pax_number(const Extended& extended, const char* key, Number& out) {
  if (const auto* text = extended.get(key)) {
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), out);
    if (failed != std::errc() || end != text->data() + text->size()) return bad_tar(std::string("bad value of ") + key);
  }
  return {};
}

Result<void> pax_time(const Extended& extended, TarEntry& entry) {
  const auto* text = extended.get("mtime");
  if (!text) return {};
  const char* last = text->data() + text->size();
  const auto [end, failed] = std::from_chars(text->data(), last, entry.mtime);
  if (failed != std::errc() || (end != last && *end != '.')) return bad_tar("bad value of mtime");
  std::uint32_t nanoseconds = 0, scale = 100'000'000;
  for (const char* digit = end == last ? end : end + 1; digit < last; ++digit, scale /= 10) {
    if (*digit < '0' || *digit > '9') return bad_tar("bad value of mtime");
    nanoseconds += static_cast<std::uint32_t>(*digit - '0') * scale;
  }
  if (nanoseconds && !text->empty() && text->front() == '-') {
    entry.mtime -= 1;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  entry.mtime_nanoseconds = nanoseconds;
  return {};
}

Result<void> apply_extended(const Extended& extended, TarEntry& entry) {
  if (!extended.long_name.empty()) entry.path = extended.long_name;
  if (!extended.long_link.empty()) entry.link = extended.long_link;
  if (const auto* path = extended.get("path")) entry.path = *path;
  if (const auto* link = extended.get("linkpath")) entry.link = *link;
  BERTH_TRY(pax_number(extended, "uid", entry.uid));
  BERTH_TRY(pax_number(extended, "gid", entry.gid));
  BERTH_TRY(pax_number(extended, "size", entry.size));
  BERTH_TRY(pax_time(extended, entry));
  constexpr std::string_view kXattr = "SCHILY.xattr.";
  for (const auto& [key, value] : extended.records) {
    if (key.compare(0, 11, "GNU.sparse.") == 0)
      return Error::make(ErrorKind::Unsupported, "`" + entry.path + "` is stored as a GNU sparse file")
          .with_hint("make the archive without tar's --sparse");
    if (key.compare(0, kXattr.size(), kXattr) == 0) entry.xattrs[key.substr(kXattr.size())] = value;
  }
  return {};
}

Result<TarType> type_of(char flag, const std::string& path) {
  switch (flag) {
    case '\0':
    case '0':
    case '7': return !path.empty() && path.back() == '/' ? TarType::Directory : TarType::File;
    case '1': return TarType::HardLink;
    case '2': return TarType::SymbolicLink;
    case '3': return TarType::CharDevice;
    case '4': return TarType::BlockDevice;
    case '5': return TarType::Directory;
    case '6': return TarType::Fifo;
    default:
      return Error::make(ErrorKind::Unsupported,
                         "`" + path + "` has the tar entry type `" + std::string(1, flag) + "`");
  }
}

Result<void> parse_header(const char* block, TarEntry& entry) {
  entry = {};
  entry.path = tar_text(block, 100);
  const bool ustar = std::memcmp(block + 257, "ustar\0", 6) == 0;  // GNU's "ustar  " has no prefix field
  if (ustar && block[345]) entry.path = tar_text(block + 345, 155) + "/" + entry.path;
  entry.link = tar_text(block + 157, 100);
  const auto mode = tar_number(block + 100, 8), uid = tar_number(block + 108, 8), gid = tar_number(block + 116, 8);
  const auto size = tar_number(block + 124, 12), mtime = tar_number(block + 136, 12);
  if (!mode || !uid || !gid || !size || !mtime) return bad_tar("a number in a header is none");
  entry.mode = static_cast<std::uint32_t>(*mode) & 07777;
  entry.uid = static_cast<std::uint32_t>(*uid);
  entry.gid = static_cast<std::uint32_t>(*gid);
  entry.size = *size;
  entry.mtime = *mtime;
  entry.device_major = static_cast<std::uint32_t>(tar_number(block + 329, 8).value_or(0));
  entry.device_minor = static_cast<std::uint32_t>(tar_number(block + 337, 8).value_or(0));
  return {};
}

}  // namespace

Result<std::size_t> TarReader::read_up_to(char* buffer, std::size_t length) {
  std::size_t got = 0;
  while (got < length) {
    const auto n = source_(buffer + got, length - got);
    if (!n) return n.error();
    if (*n == 0) break;
    got += *n;
  }
  return got;
}

Result<void> TarReader::skip(std::int64_t length) {
  char buffer[16384];
  while (length > 0) {
    const auto n = source_(buffer, static_cast<std::size_t>(std::min<std::int64_t>(length, sizeof buffer)));
    if (!n) return n.error();
    if (*n == 0) return bad_tar("it ends in the middle of an entry");
    length -= static_cast<std::int64_t>(*n);
  }
  return {};
}

Result<bool> TarReader::read_block(char* block) {
  const auto n = read_up_to(block, kBlock);
  if (!n) return n.error();
  if (*n == 0) return false;
  if (*n != kBlock) return bad_tar("it ends in the middle of a header");
  return true;
}

Result<std::string> TarReader::read_header_text(std::int64_t size, const char* what) {
  if (size < 0 || size > kMaxHeaderText) return bad_tar(std::string(what) + " is larger than 1 MiB");
  std::string text(static_cast<std::size_t>(size), '\0');
  const auto n = read_up_to(text.data(), text.size());
  if (!n) return n.error();
  if (*n != text.size()) return bad_tar("it ends in the middle of an entry");
  BERTH_TRY(skip((kBlock - size % kBlock) % kBlock));
  return text;
}

Result<bool> TarReader::next(TarEntry& entry) {
  BERTH_TRY(skip(left_ + padding_));
  left_ = padding_ = 0;
  Extended extended;
  for (;;) {
    char block[kBlock];
    const auto more = read_block(block);
    if (!more) return more.error();
    if (!*more) return false;
    if (std::all_of(block, block + kBlock, [](char c) { return c == 0; })) {
      // The end is two blocks of zeros; what follows is drained, so that a writer into a pipe is not killed.
      char rest[16384];
      for (;;) {
        const auto n = source_(rest, sizeof rest);
        if (!n) return n.error();
        if (*n == 0) return false;
      }
    }
    if (!checksum_holds(block)) return bad_tar("the checksum of a header is wrong");
    BERTH_TRY(parse_header(block, entry));
    const char flag = block[156];
    if (flag == 'x' || flag == 'g' || flag == 'L' || flag == 'K') {
      auto text = read_header_text(entry.size, "an extended header");
      if (!text) return text.error();
      if (flag == 'x') BERTH_TRY(parse_pax(*text, extended.records));
      if (flag == 'L') extended.long_name = text->c_str();
      if (flag == 'K') extended.long_link = text->c_str();
      continue;  // 'g' holds comments (git's commit) that nothing here needs
    }
    BERTH_TRY(apply_extended(extended, entry));
    const auto type = type_of(flag, entry.path);
    if (!type) return type.error();
    entry.type = *type;
    if (entry.size < 0 || entry.size > (std::int64_t{1} << 50))
      return bad_tar("`" + entry.path + "` has an absurd size");
    if (entry.path.find('\0') != std::string::npos || entry.link.find('\0') != std::string::npos)
      return bad_tar("a name holds a zero byte");
    // Links and nodes have no content, whatever their size says (pax allows one for hard links; tar writes 0).
    const bool content = entry.type == TarType::File;
    if (!content && entry.type != TarType::HardLink && entry.type != TarType::Directory) entry.size = 0;
    left_ = entry.size;
    padding_ = (kBlock - entry.size % kBlock) % kBlock;
    return true;
  }
}

Result<std::size_t> TarReader::read(char* buffer, std::size_t length) {
  length = static_cast<std::size_t>(std::min<std::int64_t>(left_, static_cast<std::int64_t>(length)));
  if (length == 0) return std::size_t{0};
  const auto n = source_(buffer, length);
  if (!n) return n.error();
  if (*n == 0) return bad_tar("it ends in the middle of an entry");
  left_ -= static_cast<std::int64_t>(*n);
  return *n;
}

}  // namespace berth::image
