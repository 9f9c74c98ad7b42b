#include <algorithm>
#include <charconv>

#include "berth/registry/http.hpp"

namespace berth::registry {
namespace {

std::uint16_t port_of_scheme(std::string_view scheme) { return scheme == "http" ? 80 : 443; }

std::string lower_text(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

bool is_plain_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

Error bad_url(const char* why) { return Error::make(ErrorKind::Invalid, std::string("a URL ") + why); }

// "HOST", "HOST:PORT", "[V6]:PORT"
Result<void> read_authority(std::string_view text, Url& out) {
  if (text.find('@') != std::string_view::npos) return bad_url("must not hold a user name");
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return bad_url("has `[` without `]`");
    out.host = lower_text(text.substr(1, end - 1));
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return bad_url("has no port behind `]`");
    if (out.host.find(':') == std::string::npos) return bad_url("has no IPv6 address in its brackets");
  } else {
    const auto colon = text.find(':');
    out.host = lower_text(text.substr(0, colon));
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (!is_host(out.host)) return bad_url("has a host name that is none");
  out.port = port_of_scheme(out.scheme);
  if (port.size() > 1) {
    port.remove_prefix(1);
    unsigned number = 0;
    const auto [stopped, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (failed != std::errc() || stopped != port.data() + port.size() || number == 0 || number > 65535)
      return bad_url("has a port that is none");
    out.port = static_cast<std::uint16_t>(number);
  }
  return {};
}

std::string without_fragment(std::string_view text) { return std::string(text.substr(0, text.find('#'))); }

}  // namespace

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != port_of_scheme(scheme)) out += ":" + std::to_string(port);
  return out;
}

std::string Url::shown() const { return scheme + "://" + authority() + target.substr(0, target.find('?')); }

bool Url::same_origin(const Url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > 16384) return bad_url("is longer than 16384 characters");
  if (!is_plain_text(text)) return bad_url("holds a character that must not stand there");
  Url out;
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return bad_url("must begin with http:// or https://");
  out.scheme = lower_text(text.substr(0, colon));
  if (out.scheme != "http" && out.scheme != "https") return bad_url("must begin with http:// or https://");
  std::string_view rest = text.substr(colon + 3);
  const auto path = rest.find_first_of("/?#");
  BERTH_TRY(read_authority(rest.substr(0, path), out));
  out.target = path == std::string_view::npos ? "/" : without_fragment(rest.substr(path));
  if (out.target.empty() || out.target.front() != '/') out.target = "/" + out.target;
  return out;
}

Result<Url> resolve_location(const Url& base, std::string_view location) {
  if (location.empty()) return bad_url("must not be empty");
  if (location.starts_with("//")) return parse_url(base.scheme + ":" + std::string(location));
  const auto scheme = location.find("://");
  if (scheme != std::string_view::npos && scheme < location.find_first_of("/?#")) return parse_url(location);
  if (!is_plain_text(location)) return bad_url("holds a character that must not stand there");
  Url out = base;
  const std::string path = base.target.substr(0, base.target.find('?'));
  if (location.starts_with('/'))
    out.target = without_fragment(location);
  else if (location.starts_with('?'))
    out.target = path + without_fragment(location);
  else
    out.target = path.substr(0, path.rfind('/') + 1) + without_fragment(location);
  return out;
}

std::string HttpResponse::header(std::string_view name) const {
  const auto found = all(name);
  return found.empty() ? std::string() : found.front();
}

std::vector<std::string> HttpResponse::all(std::string_view name) const {
  std::vector<std::string> out;
  const std::string wanted = lower_text(name);
  for (const auto& each : headers)
    if (lower_text(each.name) == wanted) out.push_back(each.value);
  return out;
}

void throw_exception_from_error(const HttpError& error, const boost::source_location&) { throw Failure(error.error()); }

}  // namespace berth::registry
