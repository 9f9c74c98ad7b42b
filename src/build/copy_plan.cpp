// What one COPY or ADD takes: its sources, found and digested before anything is copied.
#include <fcntl.h>

#include <algorithm>

#include "berth/dockerfile/glob.hpp"
#include "berth/dockerfile/words.hpp"
#include "berth/sys/file.hpp"
#include "builder.hpp"
#include "digest.hpp"

namespace berth::build {
namespace {

// `3<<-"NAME"` -> NAME; empty where the word is no heredoc.
std::string heredoc_name(const std::string& word) {
  const auto at = word.find("<<");
  if (at == std::string::npos || word.find_first_not_of("0123456789") != at) return {};
  std::string out;
  for (char c : word.substr(at + (word.substr(at + 2).starts_with('-') ? 3 : 2)))
    if (c != '"' && c != '\'') out += c;
  return out;
}

bool is_git(const std::string& text) {
  const std::string path = text.substr(0, text.find_first_of("#?"));
  return text.starts_with("git@") || text.starts_with("git://") || text.starts_with("ssh://") || path.ends_with(".git");
}

bool is_url(const std::string& text) {
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("git@") ||
         text.starts_with("git://") || text.starts_with("ssh://");
}

// `a/./b` of --parents: the part before is not kept. Without a pivot it is empty.
std::pair<std::string, std::string> split_at_pivot(const std::string& written) {
  const auto pivot = written.find("/./");
  if (pivot == std::string::npos || pivot == 0) return {".", clamped_path(written)};
  return {clamped_path(written.substr(0, pivot)), clamped_path(written.substr(pivot + 3))};
}

}  // namespace

Error Builder::refused_url(const dockerfile::Copy& copy, const std::string& url, const dockerfile::Word& word) {
  const bool git = is_git(url);
  if (!copy.add) return failed(word.span, std::string("source can't be a ") + (git ? "git ref" : "URL") + " for COPY");
  return failed(word.span, "`" + url + "` is not fetched: this builder has no " + (git ? "git" : "HTTP") + " client",
                git ? "clone it before the build, or in a RUN step with git"
                    : "fetch it in a RUN step with curl or wget, or before the build");
}

Result<void> Builder::plan_heredoc(CopyPlan& plan, const StageState& state, const dockerfile::Word& word,
                                   const dockerfile::Heredoc& heredoc, Digest& digest) {
  if (heredoc.name.find('/') != std::string::npos) return failed(word.span, "a heredoc's name must not hold a slash");
  CopyItem item{
      .span = word.span, .path = heredoc.name, .real = {}, .content = heredoc.body, .parents = {}, .pattern = {}};
  if (heredoc.expand) {
    auto expanded = dockerfile::expand_body(heredoc.body, [&](std::string_view name) -> std::optional<std::string> {
      const auto at = state.scope.find(std::string(name));
      return at == state.scope.end() ? std::nullopt : std::optional(at->second);
    });
    if (!expanded) return failed(word.span, expanded.error().to_string());
    item.content = std::move(*expanded);
  }
  digest.field("heredoc").field(heredoc.name).field(*item.content);
  plan.items.push_back(std::move(item));
  return {};
}

Result<void> Builder::plan_parents(CopyPlan& plan, const std::string& text, const dockerfile::Word& word,
                                   Digest& digest) {
  const auto [base, pattern] = split_at_pivot(text);
  if (dockerfile::has_wildcard(base))
    return failed(word.span, "a wildcard in front of `/./` is not supported", "move the pivot, or name the directory");
  // All is hidden but what the pattern names, and what is below that.
  auto taken = dockerfile::IgnoreRules::from_patterns({"**", "!" + pattern});
  if (!taken) return failed(word.span, taken.error().to_string());
  digest.field("parents").field(base).field(pattern);
  CopyItem item{.span = word.span, .path = base, .real = base, .content = {}, .parents = {}, .pattern = pattern};
  if (pattern != ".") item.parents = std::move(*taken);
  if (plan.source.files) {
    Context& files = *plan.source.files;
    item.real = files.real_path(base);
    const std::string whole = joined_path(item.real, pattern);
    std::vector<std::string> paths{whole};
    if (dockerfile::has_wildcard(pattern)) {
      auto found = files.expand_deep(whole);
      if (!found) return failed(word.span, found.error().to_string());
      paths = std::move(*found);
    } else if (!files.contains(whole)) {
      return failed(word.span, "\"/" + whole + "\": not found",
                    files.ignored(whole) ? "`" + whole + "` is excluded by .dockerignore" : "");
    }
    for (const auto& path : paths) {
      auto content = files.digest(path, plan.excluded);
      if (!content) return content.error();
      digest.field(path).field(*content);
    }
  }
  plan.items.push_back(std::move(item));
  return {};
}

Result<void> Builder::plan_source(CopyPlan& plan, const std::string& text, const dockerfile::Word& word,
                                  Digest& digest) {
  const std::string path = clamped_path(text);
  const bool wild = dockerfile::has_wildcard(path);
  plan.many = plan.many || wild;
  if (!plan.source.files) {
    plan.items.push_back({.span = word.span, .path = path, .real = path, .content = {}, .parents = {}, .pattern = {}});
    digest.field(path);
    return {};
  }
  Context& files = *plan.source.files;
  const auto paths = wild ? files.expand(path) : std::vector<std::string>{path};
  for (const auto& each : paths) {
    const std::string real = files.real_path(each);
    if (!files.contains(real))
      return failed(word.span, "\"/" + each + "\": not found",
                    files.ignored(real) ? "`" + real + "` is excluded by .dockerignore"
                                        : "paths are relative to the build context");
    auto content = files.digest(real, plan.excluded);
    if (!content) return content.error();
    digest.field(plan.many ? each : "").field(*content);
    plan.items.push_back({.span = word.span, .path = each, .real = real, .content = {}, .parents = {}, .pattern = {}});
  }
  return {};
}

Result<Builder::CopyPlan> Builder::plan_copy(StageState& state, const dockerfile::Copy& copy,
                                             const dockerfile::Instruction& step, std::size_t stage) {
  CopyPlan plan;
  if (copy.from) {
    auto found = source_of(*copy.from, stage);
    if (!found) return found.error();
    plan.source = std::move(*found);
  }
  auto destination = expand(state, copy.destination);
  if (!destination) return destination.error();
  plan.target = absolute(state, *destination);
  plan.many = copy.sources.size() > 1;
  plan.created_by = std::string(copy.add ? "ADD" : "COPY") + (copy.parents ? " --parents" : "");
  Digest digest;
  digest.field(copy.add ? "add" : "copy").field(state.key).field(plan.source.key);
  if (copy.chown) {
    auto text = expand(state, *copy.chown);
    if (!text) return text.error();
    plan.owner = std::move(*text);
    digest.field("chown").field(plan.owner);
    plan.created_by += " --chown=" + plan.owner;
  }
  if (copy.chmod) {
    auto text = expand(state, *copy.chmod);
    if (!text) return text.error();
    auto parsed = dockerfile::FileMode::parse(*text);
    if (!parsed) return failed(copy.chmod->span, parsed.error().to_string());
    plan.mode = std::move(*parsed);
    digest.field("chmod").field(*text);
    plan.created_by += " --chmod=" + *text;
  }
  std::vector<std::string> excluded;
  for (const auto& word : copy.excludes) {
    auto text = expand(state, word);
    if (!text) return text.error();
    digest.field("exclude").field(*text);
    excluded.push_back(std::move(*text));
  }
  auto rules = dockerfile::IgnoreRules::from_patterns(excluded);
  if (!rules) return failed(copy.excludes[0].span, rules.error().to_string());
  plan.excluded = std::move(*rules);
  if (copy.unpack) digest.field(*copy.unpack ? "unpack" : "as it is");
  for (const auto& word : copy.sources) {
    const dockerfile::Heredoc* heredoc = nullptr;
    for (const auto& each : copy.heredocs)
      if (heredoc_name(word.text) == each.name) heredoc = &each;
    if (heredoc) {
      plan.created_by += " <<" + heredoc->name;
      BERTH_TRY(plan_heredoc(plan, state, word, *heredoc, digest));
      continue;
    }
    auto text = expand(state, word);
    if (!text) return text.error();
    plan.created_by += " " + *text;
    if (is_url(*text)) return refused_url(copy, *text, word);
    if (!copy.from && !plan.source.files) {
      auto files = context();
      if (!files) return files.error();
      plan.source.files = *files;
    }
    BERTH_TRY(copy.parents ? plan_parents(plan, *text, word, digest) : plan_source(plan, *text, word, digest));
  }
  if (copy.checksum) return failed(copy.checksum->span, "checksum requires HTTP(S) or Git sources");
  if (copy.keep_git_dir) return failed(step.span, "--keep-git-dir requires a Git source");
  plan.created_by += " " + *destination + " # buildkit";
  if ((plan.many || copy.parents) && !plan.target.ends_with('/')) plan.target += '/';
  plan.key = digest.field("to").field(plan.target).hex();
  return plan;
}

}  // namespace berth::build
