#include "render/container_view.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <tuple>

#include "berth/text/duration.hpp"
#include "render/table.hpp"

namespace berth::cli {
namespace {

namespace bj = boost::json;

const char* health_word(engine::Health health) {
  switch (health) {
    case engine::Health::None: return "";
    case engine::Health::Starting: return "starting";
    case engine::Health::Healthy: return "healthy";
    case engine::Health::Unhealthy: return "unhealthy";
  }
  return "";
}

std::string age(std::int64_t then, std::int64_t now) {
  return text::format_age(std::chrono::nanoseconds(std::max<std::int64_t>(0, now - then)));
}

std::string publication_text(const engine::Publication& publication) {
  const bool is_v6 = publication.host_ip.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + publication.host_ip + "]" : publication.host_ip;
  return host + ":" + std::to_string(publication.host_port) + "->" + std::to_string(publication.target) + "/" +
         protocol_word(publication.protocol);
}

std::string join(const std::vector<std::string>& parts, const char* separator) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : separator) + part;
  return out;
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels) parts.push_back(key + "=" + value);
  return join(parts, ",");
}

// As Go quotes a string.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : c == '\x1b' ? "\\x1b" : std::string(1, c);
  }
  return out;
}

// What is exposed and not published, by number. Compat: nothing of a container that has the host's network.
std::vector<std::pair<int, std::string>> only_exposed(const engine::ContainerState& state) {
  std::vector<std::pair<int, std::string>> ports;
  const bool runs = state.phase == engine::Phase::Running || state.phase == engine::Phase::Paused;
  if (!runs || state.spec.network_mode == "host") return ports;
  for (const auto& exposed : state.spec.exposed) {
    const std::size_t slash = exposed.find('/');
    const int port = std::atoi(exposed.c_str());
    const std::string protocol = slash == std::string::npos ? "tcp" : exposed.substr(slash + 1);
    const bool published = std::any_of(state.publications.begin(), state.publications.end(), [&](const auto& one) {
      return one.target == port && protocol_word(one.protocol) == protocol;
    });
    if (!published) ports.emplace_back(port, protocol);
  }
  std::sort(ports.begin(), ports.end());
  return ports;
}

}  // namespace

const char* protocol_word(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::Tcp: return "tcp";
    case model::Protocol::Udp: return "udp";
    case model::Protocol::Sctp: return "sctp";
  }
  return "";
}

std::string state_word(engine::Phase phase) {
  switch (phase) {
    case engine::Phase::Created: return "created";
    case engine::Phase::Running: return "running";
    case engine::Phase::Paused: return "paused";
    case engine::Phase::Restarting: return "restarting";
    case engine::Phase::Exited: return "exited";
    case engine::Phase::Dead: return "dead";
  }
  return "";
}

std::string created_text(std::int64_t created_at) {
  const auto time = std::chrono::system_clock::time_point(std::chrono::nanoseconds(created_at));
  std::string text = text::format_time(time);  // 2026-11-24T04:13:46.000000001Z
  return text.size() < 19 ? text : text.substr(0, 10) + " " + text.substr(11, 8) + " +0000 UTC";
}

std::string age_text(std::int64_t then, std::int64_t now) { return age(then, now) + " ago"; }

std::string status_text(const engine::ContainerState& state, std::int64_t now) {
  switch (state.phase) {
    case engine::Phase::Created: return "Created";
    case engine::Phase::Dead: return "Dead";
    case engine::Phase::Exited:
      return "Exited (" + std::to_string(state.exit_code) + ") " + age_text(state.finished_at, now);
    case engine::Phase::Restarting:
      return "Restarting (" + std::to_string(state.exit_code) + ") " + age_text(state.finished_at, now);
    case engine::Phase::Paused: return "Up " + age(state.started_at, now) + " (Paused)";
    case engine::Phase::Running: break;
  }
  std::string status = "Up " + age(state.started_at, now);
  if (state.health == engine::Health::Starting)
    status += " (health: starting)";
  else if (state.health != engine::Health::None)
    status += std::string(" (") + health_word(state.health) + ")";
  return status;
}

std::string ports_text(const engine::ContainerState& state) {
  if (state.phase != engine::Phase::Running && state.phase != engine::Phase::Paused) return "";
  auto publications = state.publications;
  std::sort(publications.begin(), publications.end(), [](const auto& a, const auto& b) {
    return std::tie(a.target, a.protocol, a.host_ip, a.host_port) <
           std::tie(b.target, b.protocol, b.host_ip, b.host_port);
  });
  std::vector<std::string> parts;
  for (const auto& publication : publications) parts.push_back(publication_text(publication));
  for (const auto& [port, protocol] : only_exposed(state)) parts.push_back(std::to_string(port) + "/" + protocol);
  return join(parts, ", ");
}

std::string command_text(const engine::ContainerState& state, bool truncate) {
  std::vector<std::string> words = state.spec.entrypoint;
  words.insert(words.end(), state.spec.command.begin(), state.spec.command.end());
  // Compat: as docker shows it, the program bare, arguments with a blank between apostrophes.
  for (std::size_t i = 1; i < words.size(); ++i)
    if (words[i].find(' ') != std::string::npos) words[i] = "'" + words[i] + "'";
  std::string text = join(words, " ");
  if (truncate && text.size() > 20) {
    std::size_t cut = 19;
    while (cut > 0 && (text[cut] & 0xC0) == 0x80) --cut;  // not inside a code point
    text = text.substr(0, cut) + "…";
  }
  return "\"" + escaped(text) + "\"";
}

std::string ps_table(const std::vector<engine::ContainerState>& containers, std::int64_t now, bool truncate) {
  std::vector<std::vector<std::string>> rows{{"NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"}};
  for (const auto& state : containers)
    rows.push_back({state.spec.name, state.spec.image, command_text(state, truncate), state.spec.service.value,
                    age_text(state.created_at, now), status_text(state, now), ports_text(state)});
  return format_table(rows);
}

namespace {

bj::object ps_object(const engine::ContainerState& state, std::int64_t now) {
  bj::array publishers;
  for (const auto& publication : state.publications)
    publishers.push_back(bj::object{{"URL", publication.host_ip},
                                    {"TargetPort", publication.target},
                                    {"PublishedPort", publication.host_port},
                                    {"Protocol", protocol_word(publication.protocol)}});
  for (const auto& [port, protocol] : only_exposed(state))
    publishers.push_back(bj::object{{"URL", ""}, {"TargetPort", port}, {"PublishedPort", 0}, {"Protocol", protocol}});
  std::vector<std::string> mounts, networks;
  int local_volumes = 0;
  for (const auto& mount : state.spec.mounts) {
    if (!mount.source.empty()) mounts.push_back(mount.source);
    if (mount.type == model::MountType::Volume) ++local_volumes;
  }
  for (const auto& endpoint : state.spec.endpoints) networks.push_back(endpoint.network);
  bj::object line{{"Command", command_text(state, true)},
                  {"CreatedAt", created_text(state.created_at)},
                  {"ExitCode", state.exit_code},
                  {"Health", health_word(state.health)},
                  {"ID", short_id(state.id)},
                  {"Image", state.spec.image},
                  {"Labels", labels_text(state.spec.labels)},
                  {"LocalVolumes", std::to_string(local_volumes)},
                  {"Mounts", join(mounts, ",")},
                  {"Name", state.spec.name},
                  {"Names", state.spec.name},
                  {"Networks", join(networks, ",")},
                  {"Ports", ports_text(state)},
                  {"Project", state.spec.project.value},
                  {"Publishers", publishers},
                  {"RunningFor", age_text(state.created_at, now)},
                  {"Service", state.spec.service.value},
                  {"Size", "0B"},
                  {"State", state_word(state.phase)},
                  {"Status", status_text(state, now)}};
  return line;
}

}  // namespace

std::string ps_json_line(const engine::ContainerState& state, std::int64_t now) {
  return bj::serialize(ps_object(state, now)) + "\n";
}

std::map<std::string, std::string> ps_fields(const engine::ContainerState& state, std::int64_t now) {
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : ps_object(state, now))
    fields[name] = value.is_string() ? std::string(value.as_string()) : bj::serialize(value);
  return fields;
}

}  // namespace berth::cli
