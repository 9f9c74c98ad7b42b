#include "berth/image/reference.hpp"

#include <algorithm>

namespace berth::image {
namespace {

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

Error bad_reference(std::string_view text, const std::string& why) {
  return Error::make(ErrorKind::Invalid, "invalid reference format: `" + std::string(text) + "` " + why);
}

// [a-z0-9]+ joined by `.`, `_`, `__` or any number of `-`.
bool is_path_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower_alnum(text[i])) {
      ++i;
      continue;
    }
    const char separator = text[i];
    std::size_t run = 0;
    while (text[i + run] == separator) ++run;  // ends: the last character is alphanumeric
    if (separator != '-' && !(separator == '_' && run <= 2) && !(separator == '.' && run == 1)) return false;
    if (!is_lower_alnum(text[i + run])) return false;
    i += run;
  }
  return true;
}

bool is_path(std::string_view text) {
  for (;;) {
    const auto slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_domain(std::string_view text) {
  const auto end_of_address = text.rfind(']');
  const auto colon = text.rfind(':');
  std::string_view host = text;
  if (colon != std::string_view::npos && (end_of_address == std::string_view::npos || colon > end_of_address)) {
    const auto port = text.substr(colon + 1);
    if (port.empty() || !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    host = text.substr(0, colon);
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:") == std::string_view::npos;
  if (host.empty()) return false;
  for (;;) {
    const auto dot = host.find('.');
    const auto label = host.substr(0, dot);
    if (label.empty() || !is_alnum(label.front()) || !is_alnum(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-'; })) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > 128 || !(is_alnum(text.front()) || text.front() == '_')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.size() == kPrefix.size() + 64 && text.substr(0, kPrefix.size()) == kPrefix &&
         std::all_of(text.begin() + kPrefix.size(), text.end(), is_hex);
}

}  // namespace

Result<Reference> parse_reference(std::string_view text) {
  if (text.size() == 64 && std::all_of(text.begin(), text.end(), is_hex))
    return bad_reference(text, "is 64 hexadecimal digits: an image's id, not a name");
  Reference out;
  std::string_view rest = text;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    if (!is_digest(out.digest))
      return bad_reference(text, "has a digest that is not sha256: and 64 hexadecimal digits");
    rest = rest.substr(0, at);
  }
  const auto slash = rest.rfind('/');
  if (const auto colon = rest.rfind(':');
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    out.tag = rest.substr(colon + 1);
    if (!is_tag(out.tag)) return bad_reference(text, "has a tag with characters that tags cannot have");
    rest = rest.substr(0, colon);
  } else if (out.digest.empty()) {
    out.tag = "latest";
  }
  const auto first_slash = rest.find('/');
  const auto first = rest.substr(0, first_slash);
  const bool has_domain = first_slash != std::string_view::npos &&
                          (first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
                           std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
  out.domain = has_domain ? std::string(first) : "docker.io";
  out.path = has_domain ? rest.substr(first_slash + 1) : rest;
  if (out.domain == "index.docker.io") out.domain = "docker.io";
  if (out.domain == "docker.io" && out.path.find('/') == std::string::npos) out.path = "library/" + out.path;
  if (std::any_of(out.path.begin(), out.path.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
    return bad_reference(text, "must be lower case before the tag");
  if (!is_domain(out.domain)) return bad_reference(text, "has a host name that is none");
  if (!is_path(out.path)) return bad_reference(text, "is not a name of an image");
  if (out.domain.size() + 1 + out.path.size() > 255) return bad_reference(text, "is longer than 255 characters");
  return out;
}

std::string Reference::to_string() const {
  return domain + "/" + path + (tag.empty() ? "" : ":" + tag) + (digest.empty() ? "" : "@" + digest);
}

std::string Reference::repository() const {
  constexpr std::string_view kLibrary = "library/";
  if (domain != "docker.io") return domain + "/" + path;
  // Compat: `library/a/b` keeps its prefix, so that reading it again gives the same.
  if (path.compare(0, kLibrary.size(), kLibrary) == 0 && path.find('/', kLibrary.size()) == std::string::npos)
    return path.substr(kLibrary.size());
  return path;
}

std::string Reference::familiar() const {
  return repository() + (tag.empty() ? "" : ":" + tag) + (digest.empty() ? "" : "@" + digest);
}

}  // namespace berth::image
