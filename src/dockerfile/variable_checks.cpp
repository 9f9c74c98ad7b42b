#include "variable_checks.hpp"

#include <map>

#include "berth/dockerfile/words.hpp"
#include "berth/text/suggest.hpp"

namespace berth::dockerfile {
namespace {

// What is set at some instruction. Nothing: what the base brings is not known, so nothing can be said.
using Names = std::optional<std::set<std::string>>;

class VariableChecker {
 public:
  VariableChecker(const Dockerfile& file, const StageGraph& graph, const CheckFacts& facts, const Warn& warn)
      : file_(file), graph_(graph), facts_(facts), warn_(warn), names_(file.stages.size()) {}

  void run() {
    for (const std::size_t index : graph_.order) stage(index);  // what a stage is based on comes before it
    defaults();
  }

 private:
  void stage(std::size_t index) {
    const StageSource& base = graph_.nodes[index].base;
    Names& names = names_[index];
    if (base.kind == StageSource::Kind::Stage) {
      names = names_[base.stage];
    } else if (base.kind == StageSource::Kind::Scratch) {
      names.emplace();
    } else if (facts_.variables_of) {
      if (const auto known = facts_.variables_of(base)) names = {known->begin(), known->end()};
    }
    if (!names || graph_.nodes[index].replaced) return;
    names->insert("PATH");
    for (const Instruction& step : file_.stages[index].instructions) instruction(*names, step);
  }

  void instruction(std::set<std::string>& names, const Instruction& step) {
    const auto word = [&](const Word& each) { use(names, each, step); };
    const auto words = [&](const std::vector<Word>& list) {
      for (const Word& each : list) word(each);
    };
    if (const auto* env = std::get_if<Env>(&step.operation)) {
      for (const auto& pair : env->pairs) word(pair.value);
      for (const auto& pair : env->pairs) names.insert(pair.key.text);
    } else if (const auto* arg = std::get_if<Arg>(&step.operation)) {
      for (const auto& one : arg->names)
        if (one.value) word(*one.value);
      for (const auto& one : arg->names) names.insert(one.name.text);
    } else if (const auto* label = std::get_if<Label>(&step.operation)) {
      for (const auto& pair : label->pairs) word(pair.value);
    } else if (const auto* copy = std::get_if<Copy>(&step.operation)) {
      words(copy->sources);
      word(copy->destination);
      if (copy->chown) word(*copy->chown);
      if (copy->chmod) word(*copy->chmod);
    } else if (const auto* dir = std::get_if<Workdir>(&step.operation)) {
      word(dir->path);
    } else if (const auto* user = std::get_if<User>(&step.operation)) {
      word(user->user);
    } else if (const auto* expose = std::get_if<Expose>(&step.operation)) {
      words(expose->ports);
    } else if (const auto* volume = std::get_if<Volume>(&step.operation)) {
      words(volume->paths);
    } else if (const auto* signal = std::get_if<Stopsignal>(&step.operation)) {
      word(signal->signal);
    }
  }

  void use(const std::set<std::string>& names, const Word& word, const Instruction& step) {
    const auto used = expand_word(word.text, file_.escape, [&](std::string_view name) -> std::optional<std::string> {
      return names.count(std::string(name)) ? std::optional<std::string>("x") : std::nullopt;
    });
    if (!used) return;  // a mistake that the build reports itself
    for (const auto& name : used->unset) {
      if (name.empty() || name.find_first_of("0123456789@*#?-$!") == 0) continue;  // no variable of the file
      const auto near = text::nearest(name, std::vector<std::string>(names.begin(), names.end()));
      warn_("UndefinedVar", word.span, "usage of undefined variable `$" + name + "`",
            near ? "did you mean `$" + *near + "`?" : "", step.skipped_checks);
    }
  }

  // With the defaults alone, as somebody builds who gives no arguments.
  void defaults() {
    std::map<std::string, std::string> values;
    const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
      const auto at = values.find(std::string(name));
      if (at != values.end()) return at->second;
      // Platforms are always there.
      const auto given = graph_.global_args.find(std::string(name));
      return given == graph_.global_args.end() || declared_.count(std::string(name)) ? std::nullopt
                                                                                     : std::optional(given->second);
    };
    for (const Instruction& step : file_.global_args)
      for (const auto& one : std::get<Arg>(step.operation).names) {
        declared_.insert(one.name.text);
        if (!one.value) continue;
        if (auto value = expand_word(one.value->text, file_.escape, lookup)) values[one.name.text] = value->text;
      }
    for (const std::size_t index : graph_.order) {
      const Stage& stage = file_.stages[index];
      if (stage.base.text.find('$') == std::string::npos) continue;
      const auto base = expand_word(stage.base.text, file_.escape, lookup);
      if (!base) continue;
      const std::string& text = base->text;
      const bool wrong = text.empty() || text.starts_with(':') || text.starts_with('/') || text.ends_with(':') ||
                         text.ends_with('/') || text.ends_with('@');
      if (wrong)
        warn_("InvalidDefaultArgInFrom", stage.base.span,
              "with the default values of its arguments `" + stage.base.text +
                  "` is an empty or invalid name of an image",
              {}, stage.skipped_checks);
    }
  }

  const Dockerfile& file_;
  const StageGraph& graph_;
  const CheckFacts& facts_;
  const Warn& warn_;
  std::vector<Names> names_;
  std::set<std::string> declared_;
};

}  // namespace

void check_variables(const Dockerfile& file, const StageGraph& graph, const CheckFacts& facts, const Warn& warn) {
  VariableChecker(file, graph, facts, warn).run();
}

}  // namespace berth::dockerfile
