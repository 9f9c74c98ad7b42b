#include "berth/dockerfile/mount.hpp"

#include <charconv>
#include <map>
#include <vector>

#include "berth/text/duration.hpp"
#include "berth/text/suggest.hpp"

namespace berth::dockerfile {
namespace {

Error mount_error(std::string message) { return Error::make(ErrorKind::Invalid, std::move(message)); }

// Fields of one CSV line as Go reads them: a field may be wrapped in double quotes, `""` inside is one quote.
std::vector<std::string> csv_fields(std::string_view text) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"')
      out.back() += text[i++];
    else if (text[i] == '"')
      quoted = !quoted;
    else if (text[i] == ',' && !quoted)
      out.emplace_back();
    else
      out.back() += text[i];
  }
  return out;
}

std::optional<bool> go_bool(const std::string& text) {
  static const std::map<std::string, bool> known{{"1", true},    {"t", true},      {"T", true},      {"TRUE", true},
                                                 {"true", true}, {"True", true},   {"0", false},     {"f", false},
                                                 {"F", false},   {"FALSE", false}, {"false", false}, {"False", false}};
  const auto found = known.find(text);
  if (found == known.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint32_t> number_of(const std::string& text, int base) {
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, base);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

const std::vector<std::string>& mount_keys() {
  static const std::vector<std::string> keys{"type",     "from", "source",    "src", "target", "dst",     "destination",
                                             "readonly", "ro",   "readwrite", "rw",  "id",     "sharing", "required",
                                             "size",     "mode", "uid",       "gid", "env"};
  return keys;
}

const char* name_of(MountKind kind) {
  switch (kind) {
    case MountKind::Bind: return "bind";
    case MountKind::Cache: return "cache";
    case MountKind::Tmpfs: return "tmpfs";
    case MountKind::Secret: return "secret";
    case MountKind::Ssh: return "ssh";
  }
  return "";
}

Result<void> set_flag(RunMount& out, const std::string& key, const std::string& value) {
  const auto on = go_bool(value);
  if (!on) return mount_error("invalid value for " + key + ": " + value);
  if (key == "required")
    out.required = *on;
  else
    out.read_only = (key == "readonly" || key == "ro") ? *on : !*on;
  return {};
}

Result<void> set_number(RunMount& out, const std::string& key, const std::string& value) {
  if (out.kind == MountKind::Bind || out.kind == MountKind::Tmpfs)
    return mount_error(key + " not allowed for \"" + name_of(out.kind) + "\" type mounts");
  const auto number = number_of(value, key == "mode" ? 8 : 10);
  if (!number) return mount_error("invalid value " + value + " for " + key);
  (key == "mode" ? out.mode : key == "uid" ? out.uid : out.gid) = *number;
  return {};
}

Result<void> set_field(RunMount& out, const std::string& key, const std::string& value) {
  if (key == "from")
    out.from = value;
  else if (key == "source" || key == "src")
    out.source = value;
  else if (key == "target" || key == "dst" || key == "destination")
    out.target = value;
  else if (key == "id")
    out.id = value;
  else if (key == "env")
    out.env = value;
  else if (key == "mode" || key == "uid" || key == "gid")
    return set_number(out, key, value);
  else if (key == "sharing") {
    if (value == "shared")
      out.sharing = CacheSharing::Shared;
    else if (value == "private")
      out.sharing = CacheSharing::Private;
    else if (value == "locked")
      out.sharing = CacheSharing::Locked;
    else
      return mount_error("unsupported sharing value \"" + value + "\"");
  } else if (key == "size") {
    if (out.kind != MountKind::Tmpfs)
      return mount_error(std::string("unexpected key 'size' for mount type '") + name_of(out.kind) + "'");
    const auto size = text::parse_byte_size(value);
    if (!size) return mount_error("invalid value for size: " + value);
    out.size = *size;
  } else
    return set_flag(out, key, value);
  return {};
}

Result<void> check_mount(const RunMount& mount) {
  if (mount.kind == MountKind::Secret) {
    if (!mount.id.empty() && !mount.source.empty()) return mount_error("both source and id can't be set");
    if (mount.id.empty() && mount.source.empty() && mount.target.empty())
      return mount_error("invalid secret mount. one of source, target required");
  } else if (mount.kind == MountKind::Ssh) {
    if (!mount.source.empty()) return mount_error("ssh does not support source");
  } else if (mount.target == "/" || mount.target.empty()) {
    return mount_error(mount.target.empty() ? "target is required" : "invalid mount target \"/\"");
  }
  return {};
}

}  // namespace

Result<RunMount> parse_run_mount(std::string_view text, char escape, const Lookup& lookup) {
  RunMount out;
  std::vector<std::pair<std::string, std::string>> fields;
  for (const std::string& field : csv_fields(text)) {
    const auto equals = field.find('=');
    std::string key = field.substr(0, equals);
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    bool known = false;
    for (const auto& each : mount_keys()) known = known || each == key;
    if (!known) {
      const auto near = text::nearest(key, mount_keys());
      return mount_error("unexpected key '" + key + "' in '" + field + "'" +
                         (near ? " (did you mean " + *near + "?)" : ""));
    }
    if (equals == std::string::npos) {
      if (key == "ro" || key == "rw" || key == "required" || key == "readonly" || key == "readwrite")
        value = "true";
      else if (key != "env")
        return mount_error("invalid field '" + field + "' must be a key=value pair");
    }
    if (key == "from" && value.find('$') != std::string::npos)
      return mount_error("'from' doesn't support variable expansion, define alias stage instead");
    if (lookup && value.find('$') != std::string::npos) {
      auto expanded = expand_word(value, escape, lookup);
      if (!expanded) return expanded.error();
      value = expanded->text;
    }
    // A file that is only checked: what the variable holds is not known, so the field cannot be wrong yet.
    if (!lookup && value.find('$') != std::string::npos && key != "target" && key != "source") continue;
    if (key != "type") {
      fields.emplace_back(std::move(key), std::move(value));
      continue;
    }
    if (value == "bind")
      out.kind = MountKind::Bind;
    else if (value == "cache")
      out.kind = MountKind::Cache;
    else if (value == "tmpfs")
      out.kind = MountKind::Tmpfs;
    else if (value == "secret")
      out.kind = MountKind::Secret;
    else if (value == "ssh")
      out.kind = MountKind::Ssh;
    else
      return mount_error("unsupported mount type \"" + value + "\"");
  }
  out.read_only = out.kind == MountKind::Bind;
  for (const auto& [key, value] : fields) BERTH_TRY(set_field(out, key, value));
  BERTH_TRY(check_mount(out));
  return out;
}

}  // namespace berth::dockerfile
