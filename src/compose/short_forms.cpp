// Short forms of ports, mounts, devices and commands.
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "passes.hpp"

namespace berth::compose {

bool is_ip_address(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    in6_addr address;
    return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
  }
  int dots = 0, value = 0, digits = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots, value = digits = 0;
    } else if (c >= '0' && c <= '9') {
      if (digits > 0 && value == 0) return false;  // "01"
      value = value * 10 + (c - '0');
      if (++digits > 3 || value > 255) return false;
    } else {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

namespace {

struct PortRange {
  int first = 0;
  int last = 0;
};

std::optional<PortRange> parse_port_range(std::string_view text) {
  PortRange range;
  const auto number = [](std::string_view part, int& out) {
    const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), out);
    return !part.empty() && failed == std::errc() && end == part.data() + part.size() && out >= 0 && out <= 65535;
  };
  const std::size_t dash = text.find('-');
  if (!number(text.substr(0, dash), range.first)) return std::nullopt;
  range.last = range.first;
  if (dash != std::string_view::npos && !number(text.substr(dash + 1), range.last)) return std::nullopt;
  if (range.last < range.first) return std::nullopt;
  return range;
}

Node port_node(int target, std::string published, const std::string& host_ip, const std::string& protocol) {
  Node node = Node::map();
  node.set("mode", Node::of("ingress"));
  if (!host_ip.empty()) node.set("host_ip", Node::of(host_ip));
  node.set("target", Node::of(static_cast<std::int64_t>(target)));
  if (!published.empty()) node.set("published", Node::of(std::move(published)));
  node.set("protocol", Node::of(protocol));
  return node;
}

}  // namespace

Expanded expand_port(std::string_view text, std::size_t most) {
  Expanded result;
  const std::string whole(text);
  std::string protocol = "tcp";
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    // Compat: "80/tcp/udp" is 80/tcp.
    protocol = std::string(text.substr(slash + 1, text.find('/', slash + 1) - slash - 1));
    std::transform(protocol.begin(), protocol.end(), protocol.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    text = text.substr(0, slash);
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
      return {.nodes = {}, .error = "port `" + whole + "`: protocol must be tcp, udp or sctp", .code = Code::BadPort};
  }
  std::string_view container = text, host, ip;
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    container = text.substr(colon + 1);
    host = text.substr(0, colon);
    if (const std::size_t before = host.rfind(':'); before != std::string_view::npos) {
      ip = host.substr(0, before);
      host = host.substr(before + 1);
      const bool bracketed = ip.starts_with('[') && ip.ends_with(']');
      if (bracketed) ip = ip.substr(1, ip.size() - 2);
      if (!bracketed && ip.find(':') != std::string_view::npos)
        return {.nodes = {},
                .error = "port `" + whole + "`: an IPv6 address stands in brackets: [" + std::string(ip) + "]",
                .code = Code::BadPort};
      if (!ip.empty() && !is_ip_address(ip))
        return {.nodes = {},
                .error = "port `" + whole + "`: `" + std::string(ip) + "` is not an IP address",
                .code = Code::BadPort};
    }
  }
  const auto inside = parse_port_range(container);
  if (!inside || inside->first == 0)
    return {.nodes = {},
            .error = "port `" + whole + "`: `" + std::string(container) + "` is not a container port",
            .code = Code::BadPort};
  std::optional<PortRange> outside;
  if (!host.empty()) {
    outside = parse_port_range(host);
    if (!outside)
      return {.nodes = {},
              .error = "port `" + whole + "`: `" + std::string(host) + "` is not a host port",
              .code = Code::BadPort};
    const bool pick_one = inside->first == inside->last;
    if (!pick_one && outside->last - outside->first != inside->last - inside->first)
      return {
          .nodes = {}, .error = "port `" + whole + "`: the two ranges have different lengths", .code = Code::BadPort};
    if (pick_one && outside->last != outside->first) {
      result.nodes.push_back(port_node(inside->first,
                                       std::to_string(outside->first) + "-" + std::to_string(outside->last),
                                       std::string(ip), protocol));
      return result;
    }
  }
  if (static_cast<std::size_t>(inside->last - inside->first) >= most)
    return {.nodes = {}, .error = "too many ports", .code = Code::LimitExceeded};
  for (int i = 0; i <= inside->last - inside->first; ++i)
    result.nodes.push_back(
        port_node(inside->first + i, outside ? std::to_string(outside->first + i) : "", std::string(ip), protocol));
  return result;
}

namespace {

std::vector<std::string> split_volume(std::string_view text) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Compat: docker compose takes one letter before a colon for a Windows drive, whatever follows.
    const bool drive =
        text[i] == ':' && parts.back().size() == 1 && std::isalpha(static_cast<unsigned char>(parts.back()[0]));
    if (text[i] == ':' && !drive)
      parts.emplace_back();
    else
      parts.back() += text[i];
  }
  return parts;
}

bool is_host_path(std::string_view source) {
  return source.starts_with('.') || source.starts_with('/') || source.starts_with('~') ||
         (source.size() > 2 && source[1] == ':' && (source[2] == '\\' || source[2] == '/'));
}

void apply_mount_options(Node& mount, Node& bind, Node& volume, std::string_view options) {
  while (!options.empty()) {
    const std::size_t comma = options.find(',');
    const std::string option(options.substr(0, comma));
    options = comma == std::string_view::npos ? std::string_view() : options.substr(comma + 1);
    if (option == "ro")
      mount.set("read_only", Node::of(true));
    else if (option == "nocopy")
      volume.set("nocopy", Node::of(true));
    else if (option == "z" || option == "Z")
      bind.set("selinux", Node::of(option));
    else if (option == "private" || option == "rprivate" || option == "shared" || option == "rshared" ||
             option == "slave" || option == "rslave")
      bind.set("propagation", Node::of(option));
  }
}

}  // namespace

Expanded expand_volume(std::string_view text) {
  const auto parts = split_volume(text);
  const std::string quoted = "volume `" + std::string(text) + "`";
  if (text.empty()) return {.nodes = {}, .error = "a volume must not be empty", .code = Code::BadVolume};
  if (parts.size() > 3) return {.nodes = {}, .error = quoted + ": more than three parts", .code = Code::BadVolume};
  for (const auto& part : parts)
    if (part.empty()) return {.nodes = {}, .error = quoted + ": an empty part between colons", .code = Code::BadVolume};
  Node mount = Node::map();
  Node bind = Node::map(), volume = Node::map();
  const bool anonymous = parts.size() == 1;
  const bool host = !anonymous && is_host_path(parts[0]);
  mount.set("type", Node::of(host ? "bind" : "volume"));
  if (!anonymous) mount.set("source", Node::of(parts[0]));
  mount.set("target", Node::of(anonymous ? parts[0] : parts[1]));
  if (host) bind.set("create_host_path", Node::of(true));
  if (parts.size() == 3) apply_mount_options(mount, bind, volume, parts[2]);
  if (host)
    mount.set("bind", std::move(bind));
  else if (text.size() > 2)  // Compat: docker compose gives up reading so short a text before its options
    mount.set("volume", std::move(volume));
  Expanded result;
  result.nodes.push_back(std::move(mount));
  return result;
}

Expanded expand_device(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == ':')
      parts.emplace_back();
    else
      parts.back() += c;
  if (text.empty() || parts.size() > 3 || parts[0].empty())
    return {.nodes = {},
            .error = "device `" + std::string(text) + "` is not `HOST[:CONTAINER[:rwm]]`",
            .code = Code::BadDevice};
  Node device = Node::map();
  device.set("source", Node::of(parts[0]));
  device.set("target", Node::of(parts.size() > 1 ? parts[1] : parts[0]));
  device.set("permissions", Node::of(parts.size() > 2 ? parts[2] : "rwm"));
  Expanded result;
  result.nodes.push_back(std::move(device));
  return result;
}

namespace {

// Of split_words: the quotes that are open. Compat: a backquote and `$(` hold what follows together, though nothing is
// run.
struct OpenQuotes {
  bool single = false, doubled = false, back = false, paren = false;
  bool any() const { return single || doubled || back || paren; }
};

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false, stopped = false;
  OpenQuotes open;
  for (std::size_t i = 0; i < text.size() && !stopped; ++i) {
    const char c = text[i];
    if (c == '\\' && !open.single) {
      if (++i == text.size()) return std::nullopt;
      word += text[i];
      inside = true;
    } else if ((c == ' ' || c == '\t' || c == '\n' || c == '\r') && !open.any()) {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
    } else if (c == '\'' && !open.doubled && !open.paren) {
      inside = inside || open.single;  // Compat: an empty pair counts as a word once it is closed
      open.single = !open.single;
    } else if (c == '"' && !open.single && !open.paren) {
      inside = inside || open.doubled;
      open.doubled = !open.doubled;
    } else if (c == '(' && !open.single && !open.doubled && !open.back && (open.paren || !word.ends_with('$'))) {
      return std::nullopt;
    } else if (!open.any() && std::string_view(";&|<>").find(c) != std::string_view::npos) {
      // Compat: the reference's splitter stops at an operator of the shell; before `>`, a number is a descriptor.
      if (c == '>' && !word.empty() && word[0] >= '0' && word[0] <= '9') inside = false;
      stopped = true;
    } else {
      if (c == '`' && !open.single && !open.doubled && !open.paren) open.back = !open.back;
      if (c == '(' && !open.single && !open.doubled && !open.back) open.paren = true;
      if (c == ')' && !open.single && !open.doubled && !open.back) open.paren = !open.paren;
      word += c;
      inside = true;
    }
  }
  if (open.any()) return std::nullopt;
  if (inside) words.push_back(std::move(word));
  return words;
}

}  // namespace berth::compose
