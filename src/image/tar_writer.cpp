#include "berth/image/tar_writer.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace berth::image {
namespace {

constexpr std::int64_t kTarBlock = 512;

std::int64_t padding_of(std::int64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

char type_letter(TarType type) {
  switch (type) {
    case TarType::File: return '0';
    case TarType::HardLink: return '1';
    case TarType::SymbolicLink: return '2';
    case TarType::CharDevice: return '3';
    case TarType::BlockDevice: return '4';
    case TarType::Directory: return '5';
    case TarType::Fifo: return '6';
  }
  return '0';
}

// "LENGTH key=value\n", LENGTH counting itself.
std::string pax_record(const std::string& key, const std::string& value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + std::to_string(rest).size();
  length = rest + std::to_string(length).size();
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

// Digits and a zero byte; false where it does not fit.
bool put_octal(char* field, std::size_t width, std::uint64_t value) {
  char digits[32];
  const int length = std::snprintf(digits, sizeof digits, "%0*llo", static_cast<int>(width) - 1,
                                   static_cast<unsigned long long>(value));
  if (length < 0 || static_cast<std::size_t>(length) >= width) return false;
  std::memcpy(field, digits, static_cast<std::size_t>(length) + 1);
  return true;
}

// What a header cannot hold stands in `pax`.
std::string header_of(const TarEntry& entry, const std::string& path, std::int64_t size, char type, std::string& pax) {
  char block[kTarBlock] = {};
  const auto text = [&](std::size_t at, std::size_t width, const std::string& value, const char* key) {
    if (value.size() > width) pax += pax_record(key, value);
    std::memcpy(block + at, value.data(), std::min(width, value.size()));
  };
  const auto number = [&](std::size_t at, std::size_t width, std::uint64_t value, const char* key) {
    if (put_octal(block + at, width, value)) return;
    pax += pax_record(key, std::to_string(value));
    put_octal(block + at, width, 0);
  };
  text(0, 100, path, "path");
  put_octal(block + 100, 8, entry.mode & 07777);
  number(108, 8, entry.uid, "uid");
  number(116, 8, entry.gid, "gid");
  number(124, 12, static_cast<std::uint64_t>(size), "size");
  if (entry.mtime < 0 || entry.mtime_nanoseconds != 0 ||
      !put_octal(block + 136, 12, static_cast<std::uint64_t>(entry.mtime))) {
    put_octal(block + 136, 12, static_cast<std::uint64_t>(std::max<std::int64_t>(0, entry.mtime)) & 077777777777);
    char time[48];
    std::snprintf(time, sizeof time, "%lld.%09u", static_cast<long long>(entry.mtime), entry.mtime_nanoseconds);
    // Times before 1970 are whole seconds here: "-1.5" would mean another time to others.
    pax += pax_record("mtime", entry.mtime < 0 ? std::to_string(entry.mtime) : time);
  }
  block[156] = type;
  text(157, 100, entry.link, "linkpath");
  std::memcpy(block + 257,
              "ustar\0"
              "00",
              8);
  put_octal(block + 329, 8, entry.device_major);
  put_octal(block + 337, 8, entry.device_minor);
  std::memset(block + 148, ' ', 8);
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  std::snprintf(block + 148, 8, "%06o", sum);
  block[155] = ' ';
  return std::string(block, sizeof block);
}

}  // namespace

Result<void> TarWriter::fill() {
  static const std::string kZeros(64 * 1024, '\0');
  for (std::int64_t missing = left_ + padding_; missing > 0;) {
    const auto piece = std::min<std::int64_t>(missing, static_cast<std::int64_t>(kZeros.size()));
    BERTH_TRY(sink_(std::string_view(kZeros).substr(0, static_cast<std::size_t>(piece))));
    missing -= piece;
  }
  left_ = padding_ = 0;
  return {};
}

Result<void> TarWriter::add(const TarEntry& entry) {
  BERTH_TRY(fill());
  const std::int64_t size = entry.type == TarType::File ? entry.size : 0;
  std::string pax;
  const std::string path =
      entry.type == TarType::Directory && !entry.path.ends_with('/') ? entry.path + "/" : entry.path;
  const std::string header = header_of(entry, path, size, type_letter(entry.type), pax);
  for (const auto& [name, value] : entry.xattrs) pax += pax_record("SCHILY.xattr." + name, value);
  if (!pax.empty()) {
    TarEntry extended;
    extended.mode = 0644;
    std::string none;
    const auto length = static_cast<std::int64_t>(pax.size());
    BERTH_TRY(sink_(header_of(extended, "PaxHeader", length, 'x', none)));
    pax.append(static_cast<std::size_t>(padding_of(length)), '\0');
    BERTH_TRY(sink_(pax));
  }
  left_ = size;
  padding_ = padding_of(size);
  return sink_(header);
}

Result<void> TarWriter::content(std::string_view bytes) {
  const auto length = static_cast<std::int64_t>(bytes.size());
  if (length > left_) return Error::make(ErrorKind::Invalid, "more content than the entry's header announced");
  left_ -= length;
  return sink_(bytes);
}

Result<void> TarWriter::finish() {
  BERTH_TRY(fill());
  return sink_(std::string(2 * kTarBlock, '\0'));
}

}  // namespace berth::image
