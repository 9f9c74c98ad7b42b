#include "berth/dockerfile/checks.hpp"

#include <algorithm>
#include <cctype>

#include "berth/dockerfile/glob.hpp"
#include "berth/dockerfile/words.hpp"
#include "variable_checks.hpp"

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
  Checker(const Dockerfile& file, const StageGraph& graph, text::Diagnostics& found, const CheckFacts& facts)
      : file_(file), graph_(graph), found_(found), facts_(facts) {}

  void file() {
    count_casings();
    std::set<std::string> names;
    std::set<std::size_t> reachable(graph_.order.begin(), graph_.order.end());
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      const Stage& stage = file_.stages[i];
      if (!stage.name.empty() && !names.insert(stage.name).second)
        warn("DuplicateStageName", stage.name_as_written.span,
             "duplicate stage name `" + stage.name + "`, stage names should be unique", stage.skipped_checks);
      if (!reachable.count(i)) continue;
      from(stage);
      platform(stage);
      casing(stage.from_keyword.text, stage.from_keyword.span, stage.skipped_checks);
      instructions(stage);
    }
    const Warn by_variables = [this](const char* rule, const text::Span& span, std::string message, std::string hint,
                                     const std::set<std::string>& skipped) {
      warn(rule, span, std::move(message), skipped, std::move(hint));
    };
    check_variables(file_, graph_, facts_, by_variables);
  }

 private:
  void warn(const std::string& rule, const text::Span& span, std::string message, const std::set<std::string>& skipped,
            std::string hint = {}) {
    const auto skips = [&](const std::set<std::string>& list) { return list.count("all") || list.count(rule); };
    if (skips(file_.check.skip) || skips(skipped)) return;
    text::Diagnostic finding{file_.check.error ? text::Severity::Error : text::Severity::Warning,
                             rule,
                             span,
                             std::move(message),
                             {},
                             std::move(hint)};
    found_.add(std::move(finding));
  }

  // Which casing most instructions have: the others stand out.
  void count_casings() {
    int upper = 0, lower = 0;
    const auto count = [&](const std::string& word) {
      if (all_lower(word))
        ++lower;
      else if (all_upper(word))
        ++upper;
    };
    for (const Stage& stage : file_.stages) {
      count(stage.from_keyword.text);
      for (const Instruction& each : stage.instructions) count(each.keyword_as_written);
    }
    mostly_lower_ = lower > upper;
  }

  void casing(const std::string& word, const text::Span& span, const std::set<std::string>& skipped) {
    if (mostly_lower_ ? all_lower(word) : all_upper(word)) return;
    warn("ConsistentInstructionCasing", span,
         "command `" + word + "` should match the case of most commands (" +
             (mostly_lower_ ? "lowercase" : "uppercase") + ")",
         skipped);
  }

  void platform(const Stage& stage) {
    if (!stage.platform) return;
    const std::string& text = stage.platform->text;
    if (text == "$TARGETPLATFORM" || text == "${TARGETPLATFORM}")
      warn("RedundantTargetPlatform", stage.platform->span,
           "setting the platform to " + text + " in FROM is redundant, as this is the default", stage.skipped_checks);
    if (text.find('$') != std::string::npos) return;
    // A stage that is called after its platform means it.
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('/', at), text.size());
      if (!stage.name.empty() && end > at && stage.name.find(text.substr(at, end - at)) != std::string::npos) return;
      at = end + 1;
    }
    warn("FromPlatformFlagConstDisallowed", stage.platform->span,
         "FROM --platform should not use the constant value `" + text + "`", stage.skipped_checks);
  }

  void expose(const Expose& expose, const Instruction& step) {
    for (const Word& port : expose.ports) {
      const auto slash = port.text.find('/');
      if (port.text.find('$') != std::string::npos) continue;
      if (slash != std::string::npos && !all_lower(port.text.substr(slash)))
        warn("ExposeProtoCasing", port.span, "protocol of `" + port.text + "` in EXPOSE should be lowercase",
             step.skipped_checks);
      if (port.text.find(':') != std::string::npos)
        warn("ExposeInvalidFormat", port.span,
             "EXPOSE takes no address and no port of the host, found `" + port.text + "`", step.skipped_checks);
    }
  }

  // Where nothing is shown again a hidden path is certainly not there.
  void copied(const Copy& copy, const Instruction& step) {
    if (copy.from || !facts_.ignored || facts_.ignored->empty() || facts_.ignored->has_negations()) return;
    for (const Word& source : copy.sources) {
      std::string path = source.text;
      if (path.find('$') != std::string::npos || path.find("://") != std::string::npos || has_wildcard(path)) continue;
      while (path.starts_with("./") || path.starts_with('/')) path.erase(0, path.find('/') + 1);
      while (path.ends_with('/')) path.pop_back();
      if (!path.empty() && path.find("..") == std::string::npos && facts_.ignored->ignores(path))
        warn("CopyIgnoredFile", source.span,
             "attempting to " + step.keyword + " file `" + path + "` that is excluded by .dockerignore",
             step.skipped_checks);
    }
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
      casing(each.keyword_as_written, each.keyword_span, each.skipped_checks);
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
      if (const auto* ports = std::get_if<Expose>(&each.operation)) expose(*ports, each);
      if (const auto* copy = std::get_if<Copy>(&each.operation)) copied(*copy, each);
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
  const CheckFacts& facts_;
  bool mostly_lower_ = false;
};

}  // namespace

void run_checks(const Dockerfile& file, const StageGraph& graph, text::Diagnostics& found, const CheckFacts& facts) {
  Checker(file, graph, found, facts).file();
}

}  // namespace berth::dockerfile
