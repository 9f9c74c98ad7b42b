// Where a value of the model came from, or a variable, and what it overrode: for `config --explain`.
#include <algorithm>

#include "passes.hpp"

namespace berth::compose {

namespace {

text::Diagnostic note_at(const LoadState& state, const Place& place, std::string message) {
  text::Diagnostic note;
  note.severity = text::Severity::Note;
  note.span = state.span(place);
  note.message = std::move(message);
  return note;
}

// As YAML has it on one line.
std::string inline_yaml(const Node& node) {
  if (node.is_list() || node.is_map()) {
    std::string all;
    for (const auto& item : node.items) all += (all.empty() ? "" : ", ") + inline_yaml(item);
    for (const auto& [key, value] : node.fields) all += (all.empty() ? "" : ", ") + key + ": " + inline_yaml(value);
    return node.is_list() ? "[" + all + "]" : "{" + all + "}";
  }
  if (node.is_null()) return "null";
  if (!node.is_string()) return node.scalar_text();
  std::string quoted = "\"";
  for (const char c : node.text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n')
      quoted += "\\n";
    else
      quoted += c;
  }
  return quoted + "\"";
}

bool is_at(const Place& a, const Place& b) {
  return a.file == b.file && a.line == b.line && a.column == b.column && a.origin == b.origin;
}

// Written as one: a short form, or a scalar.
bool has_one_place(const Node& node, const Place& place) {
  if (!is_at(node.place, place)) return false;
  return std::all_of(node.items.begin(), node.items.end(),
                     [&](const Node& item) { return has_one_place(item, place); }) &&
         std::all_of(node.fields.begin(), node.fields.end(),
                     [&](const NodeField& field) { return has_one_place(field.second, place); });
}

class Trail {
 public:
  explicit Trail(const LoadState& state) : state_(state) {}

  std::vector<Explained> all;

  void value(const Node& node, const std::string& path, Place key) {
    const bool leaf = node.items.empty() && node.fields.empty();
    if (leaf || has_one_place(node, node.place)) return tell(node, path, node.place.file ? node.place : key);
    for (std::size_t i = 0; i < node.items.size(); ++i)
      value(node.items[i], path + "." + std::to_string(i), node.place);
    for (std::size_t i = 0; i < node.fields.size(); ++i)
      value(node.fields[i].second, path + "." + node.fields[i].first, node.key_places[i]);
  }

 private:
  void tell(const Node& node, const std::string& path, const Place& place) {
    Explained one{.what = path, .value = inline_yaml(node), .way = {}};
    one.way =
        note_at(state_, place,
                place.file ? "it is given here" : "it is in no file: berth adds it where the files say nothing else");
    one.way.notes = state_.notes_of(place.origin);
    all.push_back(std::move(one));
  }

  const LoadState& state_;
};

struct Reached {
  const Node* node = nullptr;
  Place key;
};

// Keys may have dots in them, so each key that begins the path is tried.
Reached reach_path(const Node& node, std::string_view path, const Place& key) {
  if (path.empty()) return {&node, key};
  const auto rest_after = [&](std::string_view step) -> std::optional<std::string_view> {
    if (!path.starts_with(step)) return std::nullopt;
    if (path.size() == step.size()) return path.substr(step.size());
    if (path[step.size()] == '.') return path.substr(step.size() + 1);
    return std::nullopt;
  };
  for (std::size_t i = 0; i < node.fields.size(); ++i)
    if (const auto rest = rest_after(node.fields[i].first))
      if (const Reached found = reach_path(node.fields[i].second, *rest, node.key_places[i]); found.node) return found;
  for (std::size_t i = 0; i < node.items.size(); ++i)
    if (const auto rest = rest_after(std::to_string(i)))
      if (const Reached found = reach_path(node.items[i], *rest, node.items[i].place); found.node) return found;
  return {};
}

Explained variable_way(const LoadState& state, const std::string& name) {
  const auto value = state.variables.find(name);
  const auto set = state.places.find(name);
  Explained one{.what = name, .value = "not set", .way = {}};
  if (value == state.variables.end()) {
    one.way = note_at(state, {}, "neither the shell nor an env file sets it");
  } else {
    one.value = inline_yaml(Node::of(value->second));
    const bool in_file = set != state.places.end();
    one.way = note_at(state, in_file ? set->second : Place{},
                      in_file                          ? "it is set here"
                      : name == "COMPOSE_PROJECT_NAME" ? "it is the project's name"
                                                       : "it comes from the shell's environment");
  }
  if (const auto lost = state.shadowed_at.find(name); lost != state.shadowed_at.end())
    for (auto place = lost->second.rbegin(); place != lost->second.rend(); ++place)
      one.way.notes.push_back({state.span(*place), "it overrides the value given here"});
  if (const auto uses = state.used_at.find(name); uses != state.used_at.end())
    for (const Place& place : uses->second) one.way.notes.push_back({state.span(place), "it is used here"});
  return one;
}

bool is_variable_name(const std::string& text) {
  return !text.empty() && !std::isdigit(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

}  // namespace

std::vector<Explained> explain_value(const LoadState& state, const Node& model, const Node& aside,
                                     const std::string& what) {
  Trail trail(state);
  const auto try_path = [&](const Node& tree, const std::string& prefix, const std::string& path) {
    const Reached found = reach_path(tree, path, {});
    if (found.node) trail.value(*found.node, prefix + path, found.key);
    return found.node != nullptr;
  };
  const bool variable = is_variable_name(what) && (state.variables.count(what) || state.used_at.count(what));
  if (variable) return {variable_way(state, what)};
  constexpr std::string_view kServices = "services.";
  const std::string below(what.starts_with(kServices) ? what.substr(kServices.size()) : what);
  if (try_path(model, "", what) || try_path(aside, std::string(kServices), below) ||
      try_path(*model.find("services"), std::string(kServices), below))
    return trail.all;
  const auto gone = state.taken_away.find(state.taken_away.count(what) ? what : std::string(kServices) + below);
  if (gone == state.taken_away.end()) return {};
  Explained one{
      .what = what, .value = "not set", .way = note_at(state, gone->second.first, "`!reset` takes it away here")};
  one.way.notes.push_back({state.span(gone->second.second), "it was given here"});
  return {one};
}

}  // namespace berth::compose
