#include <algorithm>

#include "berth/build/build.hpp"
#include "digest.hpp"

namespace berth::build {

BuildRequest request_for(const model::Build& build, const std::map<std::string, std::string>& environment,
                         const std::map<std::string, model::FileObject>& project_secrets) {
  BuildRequest out;
  out.context = build.context;
  out.dockerfile = build.dockerfile;
  out.dockerfile_inline = build.dockerfile_inline;
  out.args = build.args;
  out.environment = environment;
  out.target = build.target;
  out.labels = build.labels;
  out.tags = build.tags;
  out.additional_contexts = build.additional_contexts;
  out.extra_hosts = build.extra_hosts;
  out.network = build.network;
  out.shm_size = build.shm_size;
  out.no_cache = build.no_cache;
  out.pull = build.pull;
  out.privileged = build.privileged;
  out.ssh = build.ssh;
  out.ulimits = build.ulimits;
  out.no_cache_filter = build.no_cache_filter;
  out.entitlements = build.entitlements;
  for (const model::FileGrant& grant : build.secrets) {
    const auto source = project_secrets.find(grant.source);
    if (source == project_secrets.end()) continue;
    const std::string id = grant.target.empty() ? grant.source : grant.target.substr(grant.target.rfind('/') + 1);
    out.secrets[id] = {source->second.file, source->second.content};
  }
  return out;
}

std::string definition_key(const BuildRequest& request) {
  Digest digest;
  digest.field(request.context)
      .field(request.dockerfile)
      .field(request.dockerfile_inline)
      .field(request.target)
      .field(request.network);
  for (const auto& [name, value] : request.args) {
    const auto inherited = request.environment.find(name);
    digest.field(name).field(value ? *value : inherited == request.environment.end() ? "" : inherited->second);
  }
  digest.field("contexts");
  for (const auto& [name, value] : request.additional_contexts) digest.field(name).field(value);
  digest.field("hosts");
  for (const auto& [name, addresses] : request.extra_hosts) {
    digest.field(name);
    for (const auto& address : addresses) digest.field(address);
  }
  digest.field("labels");
  // Names of the service stand in these: two services with one definition differ in nothing else.
  for (const auto& [name, value] : request.labels)
    if (!name.starts_with("com.docker.compose.")) digest.field(name).field(value);
  digest.field("secrets");
  for (const auto& [id, secret] : request.secrets)
    digest.field(id).field(secret.file).field(secret.content.value_or(""));
  digest.field("ssh");
  for (const auto& each : request.ssh) digest.field(each);
  digest.field("limits");
  for (const auto& [name, limit] : request.ulimits)
    digest.field(name).field(std::to_string(limit.soft)).field(std::to_string(limit.hard));
  for (const auto* list : {&request.no_cache_filter, &request.entitlements}) {
    digest.field("list");
    for (const auto& each : *list) digest.field(each);
  }
  digest.field(std::to_string(request.shm_size.bytes))
      .field(request.no_cache ? "1" : "0")
      .field(request.privileged ? "1" : "0");
  return digest.hex();
}

std::string render_failure(const BuildEvent& event) {
  const text::Diagnostic& diagnostic = event.diagnostic;
  if (!event.exit_code || !diagnostic.span) return text::render(diagnostic);
  std::string out;
  if (!event.text.empty()) {
    out += "last output:\n";
    std::string line;
    for (char c : event.text + (event.text.ends_with('\n') ? "" : "\n")) {
      line += c;
      if (c != '\n') continue;
      out += "  " + line;
      line.clear();
    }
  }
  const auto& span = diagnostic.span;
  out += span.file->path() + ":" + std::to_string(span.line) +
         (span.end_line > span.line ? "-" + std::to_string(span.end_line) : "") + "\n";
  const std::uint32_t first = span.line > 2 ? span.line - 2 : 1;
  const auto last = std::min<std::uint32_t>(span.end_line + 2, static_cast<std::uint32_t>(span.file->line_count()));
  for (std::uint32_t line = first; line <= last; ++line) {
    std::string number = std::to_string(line);
    number.insert(0, number.size() < 4 ? 4 - number.size() : 0, ' ');
    out += number + (line >= span.line && line <= span.end_line ? " | >>> " : " |     ") +
           std::string(span.file->line(line)) + "\n";
  }
  out += "error: " + diagnostic.message + "\n";
  if (!diagnostic.hint.empty()) out += "hint: " + diagnostic.hint + "\n";
  return out;
}

}  // namespace berth::build
