#include "berth/dockerfile/checks.hpp"

#include <algorithm>
#include <cctype>

#include "berth/dockerfile/words.hpp"

namespace berth::dockerfile {
namespace {

bool all_upper(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}
bool all_lower(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Words of a name at underscores: the ones that say "secret", unless another says that it is not.
bool sounds_secret(const std::string& name) {
  static const std::set<std::string> secret{"apikey",   "auth",  "credential", "credentials", "key",
                                            "password", "pword", "passwd",     "secret",      "token"};
  static const std::set<std::string> harmless{"public", "file", "version"};
  bool found = false;
  std::string word;
  for (char c : name + "_") {
    if (c != '_') {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      continue;
    }
    if (harmless.count(word)) return false;
    found = found || secret.count(word);
    word.clear();
  }
  return found;
}

class Checker {
 public:
  Checker(const Dockerfile& file, const StageGraph& graph, text::Diagnostics& found)
      : file_(file), graph_(graph), found_(found) {}

  void file() {
    std::set<std::string> names;
    std::set<std::size_t> reachable(graph_.order.begin(), graph_.order.end());
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      const Stage& stage = file_.stages[i];
      if (!stage.name.empty() && !names.insert(stage.name).second)
        warn("DuplicateStageName", stage.name_as_written.span,
             "duplicate stage name `" + stage.name + "`, stage names should be unique", stage.skipped_checks);
      if (!reachable.count(i)) continue;
      from(stage);
      instructions(stage);
    }
  }

 private:
  void warn(const std::string& rule, const text::Span& span, std::string message,
            const std::set<std::string>& skipped) {
    const auto skips = [&](const std::set<std::string>& list) { return list.count("all") || list.count(rule); };
    if (skips(file_.check.skip) || skips(skipped)) return;
    text::Diagnostic finding{
        file_.check.error ? text::Severity::Error : text::Severity::Warning, rule, span, std::move(message), {}, {}};
    found_.add(std::move(finding));
  }

  void from(const Stage& stage) {
    if (!stage.name.empty() && stage.name != stage.name_as_written.text)
      warn("StageNameCasing", stage.name_as_written.span,
           "stage name `" + stage.name_as_written.text + "` should be lowercase", stage.skipped_checks);
    if (!stage.as_keyword.empty() && all_upper(stage.as_keyword) != all_upper(stage.from_keyword.text))
      warn("FromAsCasing", stage.span,
           "`" + stage.as_keyword + "` and `" + stage.from_keyword.text + "` keywords' casing do not match",
           stage.skipped_checks);
    if (stage.name == "scratch" || stage.name == "context")
      warn("ReservedStageName", stage.name_as_written.span,
           "stage name should not use the reserved name `" + stage.name + "`", stage.skipped_checks);
    const auto used =
        expand_word(stage.base.text, file_.escape, [&](std::string_view name) -> std::optional<std::string> {
          const auto at = graph_.global_args.find(std::string(name));
          if (at == graph_.global_args.end()) return std::nullopt;
          return at->second;
        });
    if (used)
      for (const auto& name : used->unset)
        warn("UndefinedArgInFrom", stage.base.span, "FROM argument `" + name + "` is not declared",
             stage.skipped_checks);
  }

  void instructions(const Stage& stage) {
    std::map<std::string, const Instruction*> last;
    bool shell_set = false, absolute_workdir = false;
    for (const Instruction& each : stage.instructions) {
      if (!all_upper(each.keyword_as_written) && !all_lower(each.keyword_as_written))
        warn("ConsistentInstructionCasing", each.keyword_span,
             "command `" + each.keyword_as_written + "` should be consistently cased", each.skipped_checks);
      if (each.keyword == "CMD" || each.keyword == "ENTRYPOINT" || each.keyword == "HEALTHCHECK") {
        if (const Instruction* earlier = last[each.keyword])
          warn("MultipleInstructionsDisallowed", earlier->span, "only the last " + each.keyword + " of a stage is used",
               earlier->skipped_checks);
        last[each.keyword] = &each;
      }
      if (std::holds_alternative<Shell>(each.operation)) shell_set = true;
      if (std::holds_alternative<Maintainer>(each.operation))
        warn("MaintainerDeprecated", each.span, "MAINTAINER is deprecated in favor of LABEL", each.skipped_checks);
      const auto json = [&](const Command& command) {
        if (command.shell_form && !command.words.empty() && !shell_set)
          warn("JSONArgsRecommended", each.span,
               "JSON arguments recommended for " + each.keyword +
                   " to prevent unintended behavior related to OS signals",
               each.skipped_checks);
      };
      if (const auto* cmd = std::get_if<Cmd>(&each.operation)) json(cmd->command);
      if (const auto* entry = std::get_if<Entrypoint>(&each.operation)) json(entry->command);
      if (const auto* dir = std::get_if<Workdir>(&each.operation)) {
        const bool absolute =
            dir->path.text.starts_with('/') || dir->path.text.starts_with('$') || dir->path.text.starts_with("\"/");
        if (!absolute && !absolute_workdir && graph_.nodes.size())
          warn("WorkdirRelativePath", dir->path.span,
               "relative workdir `" + dir->path.text + "` can have unexpected results if the base image changes",
               each.skipped_checks);
        absolute_workdir = absolute_workdir || absolute;
      }
      const auto secret = [&](const Word& name) {
        if (sounds_secret(name.text))
          warn("SecretsUsedInArgOrEnv", name.span,
               "do not use ARG or ENV instructions for sensitive data (" + each.keyword + " `" + name.text + "`)",
               each.skipped_checks);
      };
      const auto legacy = [&](bool is) {
        if (is)
          warn("LegacyKeyValueFormat", each.span,
               "\"" + each.keyword + " key=value\" should be used instead of legacy \"" + each.keyword +
                   " key value\" format",
               each.skipped_checks);
      };
      if (const auto* env = std::get_if<Env>(&each.operation)) {
        legacy(env->legacy);
        for (const auto& pair : env->pairs) secret(pair.key);
      }
      if (const auto* label = std::get_if<Label>(&each.operation)) legacy(label->legacy);
      if (const auto* arg = std::get_if<Arg>(&each.operation))
        for (const auto& one : arg->names) secret(one.name);
    }
  }

  const Dockerfile& file_;
  const StageGraph& graph_;
  text::Diagnostics& found_;
};

}  // namespace

void run_checks(const Dockerfile& file, const StageGraph& graph, text::Diagnostics& found) {
  Checker(file, graph, found).file();
}

}  // namespace berth::dockerfile
