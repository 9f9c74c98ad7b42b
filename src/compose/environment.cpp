// The variables that interpolation sees, and those of the services: env files, label files, the shell; and the other
// files whose content belongs to the model.
#include <algorithm>

#include "field_index.hpp"
#include "passes.hpp"

namespace berth::compose {

Lookup lookup_in(const Variables& variables) {
  return [&variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

bool is_switched_on(const LoadState& state, const char* variable) {
  const auto found = state.variables.find(variable);
  return found != state.variables.end() && (found->second == "1" || found->second == "true");
}

namespace {

Place whole_line(const LoadState& state, std::uint32_t file, std::uint32_t line) {
  std::uint32_t first = 1, length = 0;
  for (const unsigned char c : state.sources[file - 1]->line(line)) {
    if (length + 1 == first && (c == ' ' || c == '\t')) ++first;
    length += (c & 0xc0) != 0x80;
  }
  return {.file = file, .line = line, .column = first, .end_line = line, .end_column = std::max(length, first) + 1};
}

// `from`: what names the file, or nowhere.
void say_syntax(LoadState& state, std::uint32_t file, const DotenvResult& parsed, const Place& from) {
  auto wrong = state.diagnostic(text::Severity::Error, whole_line(state, file, parsed.line),
                                parsed.too_large ? Code::LimitExceeded : Code::EnvFileSyntax, parsed.error,
                                parsed.too_large ? "" : "each line is NAME=value");
  if (from.file) wrong.notes.push_back({state.span(from), "the file is named here"});
  state.diagnostics.add(std::move(wrong));
}

void say_missing(LoadState& state, const std::string& path, const Place& from, const Error& error, bool optional,
                 const std::string& kind = "env file") {
  const bool missing = error.kind() == ErrorKind::NotFound;
  state.error(from, Code::EnvFileMissing,
              kind + " `" + path + "`" + (missing ? " does not exist" : ": " + error.to_string()),
              !missing   ? ""
              : optional ? "create it, or write `{path: …, required: false}`"
                         : "create it, or name another");
}

}  // namespace

bool add_env_file(LoadState& state, const std::string& path, const Place& from, const Variables& outer,
                  Variables& added, VariablePlaces& places, bool required) {
  if (!required && (!state.files.exists(path) || state.files.is_directory(path))) return true;
  auto content = state.files.read(path);
  if (!content) {
    say_missing(state, path, from, content.error(), false);
    return false;
  }
  const DotenvResult parsed = parse_dotenv(*content, lookup_in(outer));
  const std::uint32_t file = state.add_source(state.shown(path), std::move(*content));
  if (!parsed.error.empty()) {
    say_syntax(state, file, parsed, from);
    return false;
  }
  for (std::size_t i = 0; i < parsed.entries.size(); ++i) {
    const auto& [name, value] = parsed.entries[i];
    if (!value) continue;
    if (added.count(name)) state.shadowed_at[name].push_back(places[name]);
    added[name] = *value;
    places[name] = whole_line(state, file, parsed.lines[i]);
  }
  return true;
}

void load_environment(LoadState& state, const std::string& directory) {
  std::vector<std::string> names = state.options.env_files;
  if (names.empty())
    if (const auto listed = state.variables.find("COMPOSE_ENV_FILES"); listed != state.variables.end())
      names = split_list(listed->second, ',');
  Variables added;
  VariablePlaces places;
  if (!names.empty()) {
    for (const auto& name : names)
      add_env_file(state, absolute_path(name, state.options.working_dir), {}, state.variables, added, places, true);
  } else if (!is_switched_on(state, "COMPOSE_DISABLE_ENV_FILE")) {
    add_env_file(state, absolute_path(".env", directory), {}, state.variables, added, places, false);
  }
  for (const auto& [name, value] : added)
    if (state.variables.emplace(name, value).second)
      state.places[name] = places[name];
    else
      state.shadowed_at[name].push_back(places[name]);
}

namespace {

std::string field_of(const Node& node, const char* key) {
  const Node* value = node.find(key);
  return value ? value->scalar_text() : std::string();
}

// A key without a value has that of the variable with its name.
void take_variable(LoadState& state, Node& node, const std::string& name, const std::string& text) {
  const Place place = node.place;
  node = Node::of(text);
  node.place = place;
  Origin taken;
  taken.kind = Origin::Kind::Substituted;
  taken.text = "a name alone has the value of the variable";
  const auto set = state.places.find(name);
  taken.variables.emplace(name, set == state.places.end() ? Place{} : set->second);
  state.step(node.place, std::move(taken));
}

enum class PairsFormat : std::uint8_t { Dotenv, Raw, Labels };

struct ParsedPairs {
  DotenvResult result;
  std::uint32_t file = 0;
};

// The env files and label files of all services; each is read once.
class PairFiles {
 public:
  explicit PairFiles(LoadState& state) : state_(state) {}

  void add_to(FieldIndex& into, const Node& path, PairsFormat format, bool required) {
    const ParsedPairs* parsed = read(into, path, format, required);
    if (!parsed) return;
    std::size_t letters = 0;
    for (const auto& [name, value] : parsed->result.entries) letters += name.size() + (value ? value->size() : 0);
    if (!state_.afford(path.place, parsed->result.entries.size(), letters)) return;
    for (std::size_t i = 0; i < parsed->result.entries.size(); ++i) {
      const auto& [name, value] = parsed->result.entries[i];
      Node entry = value ? Node::of(*value) : Node::null();
      const Place at = whole_line(state_, parsed->file, parsed->result.lines[i]);
      entry.place = at;
      if (Node* before = into.find(name))
        state_.take_over(*before, std::move(entry));
      else
        into.add(name, std::move(entry), at);
    }
  }

 private:
  const ParsedPairs* read(FieldIndex& earlier, const Node& path, PairsFormat format, bool required) {
    // Compat: known in a label file are its own variables and those of the files before it, not the shell's. What that
    // makes of it is this service's alone.
    const bool shared = format != PairsFormat::Labels || earlier.empty();
    if (const auto known = parsed_.find({path.text, format}); shared && known != parsed_.end()) return &known->second;
    auto content = state_.files.read(path.text);
    if (!content) {
      if (required || content.error().kind() != ErrorKind::NotFound)
        format == PairsFormat::Labels ? say_missing(state_, path.text, path.place, content.error(), false, "label file")
                                      : say_missing(state_, path.text, path.place, content.error(), true);
      return nullptr;
    }
    const Lookup among_labels = [&earlier](const std::string& key) -> std::optional<std::string> {
      const Node* label = earlier.find(key);
      return label ? std::optional(label->scalar_text()) : std::nullopt;
    };
    const Lookup lookup = format == PairsFormat::Labels ? among_labels : lookup_in(state_.variables);
    if (state_.counted.insert(path.text).second) state_.bytes += content->size();
    ParsedPairs parsed{.result = format == PairsFormat::Raw ? parse_raw_env(*content, lookup)
                                                            : parse_dotenv(*content, lookup)};
    parsed.file = state_.add_source(state_.shown(path.text), std::move(*content));
    if (!parsed.result.error.empty()) {
      say_syntax(state_, parsed.file, parsed.result, path.place);
      return nullptr;
    }
    if (!shared) return &(own_ = std::move(parsed));
    return &parsed_.emplace(std::pair(path.text, format), std::move(parsed)).first->second;
  }

  LoadState& state_;
  ParsedPairs own_;  // the last that is not shared
  std::map<std::pair<std::string, PairsFormat>, ParsedPairs> parsed_;
};

Node environment_of(LoadState& state, const Node& service, PairFiles& files) {
  Node environment = Node::map();
  FieldIndex known(environment);
  if (const Node* list = service.find("env_file"))
    for (const auto& file : list->items) {
      const Node* path = file.find("path");
      const std::string format = field_of(file, "format");
      if (!format.empty() && format != "raw")
        state.error(file.find("format")->place, Code::EnvFileFormat, "unsupported env_file format `" + format + "`",
                    "leave it out, or write raw");
      if (path)
        files.add_to(known, *path, format == "raw" ? PairsFormat::Raw : PairsFormat::Dotenv,
                     field_of(file, "required") != "false");
    }
  if (const Node* given = service.find("environment"))
    for (std::size_t i = 0; i < given->fields.size(); ++i) {
      const std::string& key = given->fields[i].first;
      Node value = given->fields[i].second;
      if (!value.place.file) value.place = given->key_places[i];
      if (const auto found = state.variables.find(key); value.is_null() && found != state.variables.end())
        take_variable(state, value, key, found->second);
      if (Node* before = known.find(key))
        state.take_over(*before, std::move(value));
      else
        known.add(key, std::move(value), given->key_places[i]);
    }
  return environment;
}

}  // namespace

void resolve_service_environment(LoadState& state, Node& model) {
  PairFiles files(state);
  for (auto& [name, service] : model.find("services")->fields) {
    Node labels = Node::map();
    Node environment = environment_of(state, service, files);
    if (const Node* list = service.find("label_file")) {
      FieldIndex known(labels);
      for (const auto& file : list->items) files.add_to(known, file, PairsFormat::Labels, true);
    }
    if (const Node* given = service.find("labels")) {
      FieldIndex known(labels);
      for (const auto& [key, value] : given->fields)
        if (Node* before = known.find(key))
          *before = value;
        else
          known.add(key, value, value.place);
    }
    service.erase("env_file");
    service.erase("label_file");
    if (!environment.fields.empty()) service.set("environment", std::move(environment));
    if (!labels.fields.empty()) service.set("labels", std::move(labels));
  }
}

// As Docker does, when the container is made: the file may change or go afterwards.
void read_security_profiles(LoadState& state, Node& model, const std::string& directory) {
  for (auto& [name, service] : model.find("services")->fields) {
    Node* options = service.find("security_opt");
    if (!options) continue;
    for (auto& option : options->items) {
      const auto split = option.text.find_first_of(":=");
      if (split == std::string::npos || option.text.substr(0, split) != "seccomp") continue;
      const std::string value = option.text.substr(split + 1);
      if (value == "unconfined" || value == "builtin") continue;
      const auto content = state.files.read(absolute_path(value, directory));
      if (content)
        option.text = "seccomp:" + *content;
      else
        state.error(option.place, Code::SeccompProfile,
                    "seccomp profile `" + value + "`: " + content.error().to_string());
    }
  }
}

}  // namespace berth::compose
