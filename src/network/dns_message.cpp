#include <algorithm>

#include "berth/network/dns.hpp"

namespace berth::network {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kTypeA = 1, kTypePtr = 12, kTypeOpt = 41, kTypeAny = 255, kClassIn = 1;
// Short: an address may belong to another container a moment later.
constexpr std::uint32_t kTtl = 5;

std::uint16_t be16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                    static_cast<unsigned char>(bytes[at + 1]));
}
void put16(std::string& out, std::uint32_t value) {
  out.push_back(static_cast<char>(value >> 8 & 255));
  out.push_back(static_cast<char>(value & 255));
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}
char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
std::string lower_name(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower_ascii);
  return out;
}

// The owner name at `at` of an additional record: skipped. npos where it leaves the message.
std::size_t skip_dns_name(std::string_view bytes, std::size_t at) {
  while (at < bytes.size()) {
    const auto length = static_cast<unsigned char>(bytes[at]);
    if (length == 0) return at + 1;
    if ((length & 0xc0) == 0xc0) return at + 2 <= bytes.size() ? at + 2 : std::string_view::npos;
    if (length > 63) return std::string_view::npos;
    at += 1 + length;
  }
  return std::string_view::npos;
}

std::optional<std::uint16_t> find_edns(std::string_view bytes, std::size_t at) {
  const int records = be16_at(bytes, 6) + be16_at(bytes, 8) + be16_at(bytes, 10);
  for (int i = 0; i < records; ++i) {
    at = skip_dns_name(bytes, at);
    if (at == std::string_view::npos || at + 10 > bytes.size()) return std::nullopt;
    if (be16_at(bytes, at) == kTypeOpt) return be16_at(bytes, at + 2);
    at += 10 + be16_at(bytes, at + 8);
    if (at > bytes.size()) return std::nullopt;
  }
  return std::nullopt;
}

// "3.0.18.172.in-addr.arpa" -> 172.18.0.3
std::optional<sys::Ipv4> reverse_address(std::string_view name) {
  constexpr std::string_view kSuffix = ".in-addr.arpa";
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const auto address = sys::Ipv4::parse(name.substr(0, name.size() - kSuffix.size()));
  if (!address) return std::nullopt;
  return sys::Ipv4{__builtin_bswap32(address->value)};
}

std::string wire_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto dot = std::min(name.find('.'), name.size());
    const auto length = std::min<std::size_t>(dot, 63);
    out.push_back(static_cast<char>(length));
    out.append(name.substr(0, length));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return out + '\0';
}

std::string reply_head(std::string_view query, std::size_t question_end, DnsCode code, std::uint16_t answers,
                       bool edns) {
  std::string out(query.substr(0, 2));
  const bool recursion = query.size() > 2 && (query[2] & 1) != 0;
  out.push_back(static_cast<char>(0x80 | (query.size() > 2 ? query[2] & 0x78 : 0) | (recursion ? 1 : 0)));
  out.push_back(static_cast<char>(0x80 | static_cast<int>(code)));
  put16(out, question_end > kHeader ? 1 : 0);
  put16(out, answers);
  put16(out, 0);
  put16(out, edns ? 1 : 0);
  if (question_end > kHeader) out.append(query.substr(kHeader, question_end - kHeader));
  return out;
}
void put_edns(std::string& out) {
  out.push_back('\0');
  put16(out, kTypeOpt);
  put16(out, 1232);
  put32(out, 0);
  put16(out, 0);
}
void put_record_head(std::string& out, std::uint16_t type) {
  put16(out, 0xc000 | kHeader);  // the question's name
  put16(out, type);
  put16(out, kClassIn);
  put32(out, kTtl);
}

struct LocalName {
  bool known = false;
  std::vector<sys::Ipv4> addresses;
};
LocalName find_local(const DnsZone& zone, const DnsAsker& asker, const std::string& asked) {
  std::string name = asked;
  for (const auto& [alias, target] : asker.links)
    if (lower_name(alias) == asked) name = lower_name(target);
  LocalName out;
  for (const auto& network : asker.networks) {
    out.addresses = zone.find(network, name);
    // Compat: docker also answers NAME.NETWORK.
    const std::string suffix = "." + lower_name(network);
    if (out.addresses.empty() && name.size() > suffix.size() && name.ends_with(suffix))
      out.addresses = zone.find(network, name.substr(0, name.size() - suffix.size()));
    if (!out.addresses.empty()) {
      out.known = true;
      return out;
    }
  }
  return out;
}

}  // namespace

Result<DnsQuery> decode_dns_query(std::string_view bytes) {
  auto bad = [](const char* what) { return Error::make(ErrorKind::Protocol, std::string("DNS query ") + what); };
  if (bytes.size() < kHeader) return bad("shorter than its header");
  DnsQuery out;
  out.id = be16_at(bytes, 0);
  out.flags = be16_at(bytes, 2);
  if (out.flags & 0x8000) return bad("is a reply");
  if (be16_at(bytes, 4) != 1) return bad("has not one question");
  std::size_t at = kHeader;
  for (;;) {
    if (at >= bytes.size()) return bad("ends within its name");
    const auto length = static_cast<unsigned char>(bytes[at++]);
    if (length == 0) break;
    if (length > 63) return bad("has a label that is compressed or too long");
    if (at + length > bytes.size() || at + length - kHeader > 254) return bad("has a name that is too long");
    if (!out.name.empty()) out.name += '.';
    out.name += lower_name(bytes.substr(at, length));
    at += length;
  }
  if (at + 4 > bytes.size()) return bad("ends within its question");
  out.type = be16_at(bytes, at);
  out.klass = be16_at(bytes, at + 2);
  out.question_end = at + 4;
  out.edns_size = find_edns(bytes, out.question_end);
  return out;
}

std::string dns_failure(std::string_view query, DnsCode code) {
  auto decoded = decode_dns_query(query);
  std::string padded(query);
  padded.resize(std::max(padded.size(), kHeader));
  return reply_head(padded, decoded ? decoded->question_end : kHeader, code, 0, false);
}

std::optional<std::string> answer_dns(std::string_view query, const DnsZone& zone, const DnsAsker& asker,
                                      DnsTransport transport, std::uint32_t shuffle) {
  auto decoded = decode_dns_query(query);
  if (!decoded) return dns_failure(query, DnsCode::FormatError);
  if ((decoded->flags >> 11 & 15) != 0) return dns_failure(query, DnsCode::NotImplemented);
  const bool edns = decoded->edns_size.has_value();
  auto finish = [&](std::string reply) {
    if (edns) put_edns(reply);
    return fit_dns_reply(std::move(reply), query, transport);
  };
  if (decoded->klass == kClassIn) {
    auto local = find_local(zone, asker, decoded->name);
    if (local.known) {
      auto& addresses = local.addresses;
      if (decoded->type != kTypeA && decoded->type != kTypeAny) addresses.clear();
      if (!addresses.empty())
        std::rotate(addresses.begin(), addresses.begin() + shuffle % static_cast<std::uint32_t>(addresses.size()),
                    addresses.end());
      auto reply = reply_head(query, decoded->question_end, DnsCode::NoError,
                              static_cast<std::uint16_t>(addresses.size()), edns);
      for (const auto address : addresses) {
        put_record_head(reply, kTypeA);
        put16(reply, 4);
        put32(reply, address.value);
      }
      return finish(std::move(reply));
    }
    if (const auto address = reverse_address(decoded->name); address && decoded->type == kTypePtr)
      for (const auto& network : asker.networks)
        if (const auto name = zone.name_of(network, *address)) {
          auto reply = reply_head(query, decoded->question_end, DnsCode::NoError, 1, edns);
          put_record_head(reply, kTypePtr);
          const auto wire = wire_name(*name);
          put16(reply, static_cast<std::uint32_t>(wire.size()));
          return finish(reply + wire);
        }
  }
  if (!asker.may_forward) return finish(reply_head(query, decoded->question_end, DnsCode::NameError, 0, edns));
  return std::nullopt;
}

std::string fit_dns_reply(std::string reply, std::string_view query, DnsTransport transport) {
  auto decoded = decode_dns_query(query);
  if (!decoded || transport == DnsTransport::Tcp) return reply;
  const std::size_t room = std::max<std::size_t>(512, decoded->edns_size.value_or(512));
  if (reply.size() <= room || reply.size() < kHeader) return reply;
  auto cut = reply_head(query, decoded->question_end, static_cast<DnsCode>(reply[3] & 15), 0, false);
  cut[2] = static_cast<char>(cut[2] | 2);  // TC: ask again by TCP
  return cut;
}

void DnsZone::set(const std::string& network, const ContainerId& container, sys::Ipv4 address,
                  const std::vector<std::string>& names) {
  Entry entry{address, {}};
  for (const auto& name : names) entry.names.push_back(lower_name(name));
  networks_[network][container] = std::move(entry);
}
void DnsZone::remove(const ContainerId& container) {
  for (auto& [network, entries] : networks_) entries.erase(container);
}
void DnsZone::remove(const std::string& network, const ContainerId& container) {
  if (const auto found = networks_.find(network); found != networks_.end()) found->second.erase(container);
}
std::vector<sys::Ipv4> DnsZone::find(const std::string& network, const std::string& name) const {
  std::vector<sys::Ipv4> out;
  if (const auto found = networks_.find(network); found != networks_.end())
    for (const auto& [container, entry] : found->second)
      if (std::find(entry.names.begin(), entry.names.end(), name) != entry.names.end()) out.push_back(entry.address);
  return out;
}
std::optional<std::string> DnsZone::name_of(const std::string& network, sys::Ipv4 address) const {
  if (const auto found = networks_.find(network); found != networks_.end())
    for (const auto& [container, entry] : found->second)
      if (entry.address == address && !entry.names.empty()) return entry.names.front() + '.' + network;
  return std::nullopt;
}

}  // namespace berth::network
