#include "dns_message.hpp"

#include <arpa/inet.h>

#include <sstream>

namespace berth::registry {
namespace {

constexpr std::size_t kHead = 12;
constexpr std::size_t kMostAddresses = 64;

std::string lower_name(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  while (out.ends_with('.')) out.pop_back();
  return out;
}

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 255);
}

class DnsBytes {
 public:
  explicit DnsBytes(std::string_view bytes) : bytes_(bytes) {}

  std::optional<unsigned> number16() {
    if (bytes_.size() - at_ < 2) return std::nullopt;
    const unsigned high = static_cast<unsigned char>(bytes_[at_]), low = static_cast<unsigned char>(bytes_[at_ + 1]);
    at_ += 2;
    return high << 8 | low;
  }
  bool skip(std::size_t count) {
    if (bytes_.size() - at_ < count) return false;
    at_ += count;
    return true;
  }
  std::string_view take(std::size_t count) {
    const auto out = bytes_.substr(at_, count);
    at_ += out.size();
    return out;
  }
  // With labels joined by dots, in lower case.
  std::optional<std::string> name() {
    std::string out;
    std::size_t at = at_;
    bool jumped = false;
    for (;;) {
      if (at >= bytes_.size() || out.size() > 255) return std::nullopt;
      const auto length = static_cast<unsigned char>(bytes_[at]);
      if (length >= 0xc0) {
        if (at + 1 >= bytes_.size()) return std::nullopt;
        const std::size_t to = (length & 0x3fu) << 8 | static_cast<unsigned char>(bytes_[at + 1]);
        if (!jumped) at_ = at + 2;
        jumped = true;
        if (to >= at) return std::nullopt;  // only back: it ends
        at = to;
        continue;
      }
      if (length > 63) return std::nullopt;
      ++at;
      if (length == 0) break;
      if (bytes_.size() - at < length) return std::nullopt;
      if (!out.empty()) out += '.';
      out += bytes_.substr(at, length);
      at += length;
    }
    if (!jumped) at_ = at;
    return lower_name(out);
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

std::string address_text(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  return ::inet_ntop(family, bytes.data(), text, sizeof text) ? text : "";
}

}  // namespace

Result<std::string> dns_question(std::uint16_t id, const std::string& name, DnsType type) {
  const auto wrong = [&] { return Error::make(ErrorKind::Invalid, "`" + name + "` is no host name"); };
  std::string out;
  put16(out, id);
  put16(out, 0x0100);  // recursion desired
  for (const unsigned count : {1u, 0u, 0u, 1u}) put16(out, count);
  std::string label;
  std::size_t whole = 0;
  for (const char c : lower_name(name) + ".") {
    if (c != '.') {
      label += c;
      continue;
    }
    whole += label.size() + 1;
    if (label.empty() || label.size() > 63 || whole > 253) return wrong();
    out += static_cast<char>(label.size());
    out += label;
    label.clear();
  }
  out += '\0';
  put16(out, static_cast<unsigned>(type));
  put16(out, 1);
  // EDNS: answers of up to 1232 bytes.
  out += '\0';
  put16(out, 41);
  put16(out, 1232);
  out += std::string(6, '\0');
  return out;
}

Result<DnsAnswer> parse_dns_answer(std::string_view bytes, std::uint16_t id, const std::string& name, DnsType type) {
  const auto wrong = [] { return Error::make(ErrorKind::Protocol, "the name server's answer cannot be read"); };
  if (bytes.size() < kHead) return wrong();
  DnsBytes in(bytes);
  const auto its_id = in.number16(), flags = in.number16(), questions = in.number16(), answers = in.number16();
  if (!its_id || *its_id != id || !(*flags & 0x8000) || *questions != 1 || !in.skip(4)) return wrong();
  const auto asked = in.name();
  const auto asked_type = in.number16();
  if (!asked || *asked != lower_name(name) || asked_type != static_cast<unsigned>(type) || !in.skip(2)) return wrong();
  DnsAnswer out;
  out.code = static_cast<int>(*flags & 15);
  out.truncated = (*flags & 0x0200) != 0;
  for (unsigned i = 0; i < *answers && !out.truncated; ++i) {
    const auto owner = in.name();
    const auto record_type = in.number16(), record_class = in.number16();
    if (!owner || !record_type || !record_class || !in.skip(4)) return wrong();
    const auto length = in.number16();
    if (!length) return wrong();
    const auto data = in.take(*length);
    if (data.size() != *length) return wrong();
    const std::size_t expected = type == DnsType::A ? 4 : 16;
    if (*record_type == static_cast<unsigned>(type) && *record_class == 1 && data.size() == expected &&
        out.addresses.size() < kMostAddresses)
      out.addresses.push_back(address_text(data));
  }
  return out;
}

std::vector<std::string> addresses_in_hosts(std::string_view hosts, std::string_view name) {
  std::vector<std::string> out;
  const std::string wanted = lower_name(name);
  std::istringstream lines{std::string(hosts)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address, word;
    words >> address;
    unsigned char binary[16];
    const bool good =
        ::inet_pton(AF_INET, address.c_str(), binary) == 1 || ::inet_pton(AF_INET6, address.c_str(), binary) == 1;
    while (good && words >> word)
      if (lower_name(word) == wanted) {
        out.push_back(address);
        break;
      }
  }
  return out;
}

}  // namespace berth::registry
