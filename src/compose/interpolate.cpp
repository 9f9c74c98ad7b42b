// $NAME, ${NAME}, ${NAME:-default}, ${NAME:?error}, ${NAME:+other}, nested; `$$` is a dollar.
#include <algorithm>

#include "passes.hpp"

namespace berth::compose {

namespace {

constexpr std::size_t kMostLetters = 1u << 20;  // of one value; no process takes so long an argument or variable

bool is_name_start(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name_char(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

std::size_t name_length(std::string_view text) {
  if (text.empty() || !is_name_start(text[0])) return 0;
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_name_char) - text.begin());
}

// Index of the brace that closes the one before text[0]; npos when none does.
std::size_t closing_brace(std::string_view text) {
  int depth = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{')
      ++depth, ++i;
    else if (text[i] == '}' && --depth == 0)
      return i;
  }
  return std::string_view::npos;
}

// What stands between ${ and }.
Substitution substitute_braced(std::string_view inside, const Lookup& lookup, const Observe& observe, int depth) {
  const std::size_t length = name_length(inside);
  std::string_view rest = inside.substr(length);
  const bool colon = rest.starts_with(':');
  if (colon) rest.remove_prefix(1);
  const char op = rest.empty() ? '\0' : rest[0];
  const bool bare = length == inside.size();
  if (length == 0 || (!bare && op != '-' && op != '+' && op != '?')) return {.text = {}, .error = "invalid"};
  const std::string name(inside.substr(0, length));
  const std::string_view argument = bare ? std::string_view() : rest.substr(1);
  const auto value = lookup(name);
  const bool given = value && !(colon && value->empty());
  if (observe) {
    VariableUse use{.name = name, .required = op == '?', .default_value = {}, .alternate_value = {}};
    if (op == '-') use.default_value = std::string(argument);
    if (op == '+') use.alternate_value = std::string(argument);
    observe(use, value || op == '-' || op == '+' || op == '?');
  }
  if (bare) return {.text = value.value_or(""), .error = {}};
  if (op == '+') return given ? substitute(argument, lookup, observe, depth + 1) : Substitution{};
  if (given) return {.text = *value, .error = {}};
  Substitution other = substitute(argument, lookup, observe, depth + 1);
  if (op == '-' || !other.error.empty()) return other;
  return {.text = {},
          .error = "required variable " + name + " is missing a value" + (other.text.empty() ? "" : ": " + other.text),
          .missing = true};
}

}  // namespace

Substitution substitute(std::string_view text, const Lookup& lookup, const Observe& observe, int depth) {
  Substitution result;
  if (depth > 64) return {.text = {}, .error = "variables are nested too deeply"};
  while (!text.empty()) {
    if (result.text.size() > kMostLetters)
      return {.text = {}, .error = "the value is longer than 1 MiB with its variables put in", .too_large = true};
    const std::size_t dollar = text.find('$');
    result.text += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      result.text += '$';
      text.remove_prefix(1);
    } else if (text.starts_with('{')) {
      std::size_t end = closing_brace(text.substr(1));
      // Compat: where the braces do not balance, the last one of the line closes ("${SET:-${}" is the value of SET).
      if (end == std::string_view::npos) end = text.substr(1, text.find('\n') - 1).rfind('}');
      if (end == std::string_view::npos) return {.text = {}, .error = "invalid"};
      Substitution part = substitute_braced(text.substr(1, end), lookup, observe, depth);
      if (!part.error.empty()) return part;
      result.text += part.text;
      text.remove_prefix(end + 2);
    } else if (const std::size_t length = name_length(text)) {
      const std::string name(text.substr(0, length));
      const auto value = lookup(name);
      if (observe)
        observe({.name = name, .required = false, .default_value = {}, .alternate_value = {}}, value.has_value());
      result.text += value.value_or("");
      text.remove_prefix(length);
    } else {
      result.text += '$';  // Compat: a dollar that begins no variable stands for itself
    }
  }
  return result;
}

namespace {

// Within a text that stands on one line.
Place place_of_variable(const LoadState& state, Place place, const std::string& name) {
  if (!place.file || place.origin) return place;
  const std::string_view line = state.sources[place.file - 1]->line(place.line);
  if (std::any_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) return place;
  for (const std::string& written : {"$" + name, "${" + name})
    for (std::size_t at = line.find(written, place.column - 1); at != std::string_view::npos;
         at = line.find(written, at + 1)) {
      const std::size_t end = at + written.size();
      if ((end < line.size() && is_name_char(line[end])) || (at > 0 && line[at - 1] == '$')) continue;
      place.column = static_cast<std::uint32_t>(at + 1);
      place.end_column = static_cast<std::uint32_t>(end + 1);
      return place;
    }
  return place;
}

void interpolate_node(LoadState& state, Node& node, const Lookup& lookup, const VariablePlaces& places,
                      const std::string& path) {
  if (node.tag == NodeTag::Reset) return;
  for (auto& item : node.items) interpolate_node(state, item, lookup, places, path + "[]");
  for (auto& [key, value] : node.fields)
    interpolate_node(state, value, lookup, places, path.empty() ? key : path + "." + key);
  if (!node.is_string() || node.text.find('$') == std::string::npos) return;
  Origin step;
  step.kind = Origin::Kind::Substituted;
  const auto observe = [&](const VariableUse& use, bool found) {
    if (lookup(use.name)) {
      const auto set = places.find(use.name);
      step.variables.emplace(use.name, set == places.end() ? Place{} : set->second);
    }
    VariableUse& known = state.uses.try_emplace(use.name, use).first->second;
    known.required = known.required || use.required;
    state.used_at[use.name].push_back(node.place);
    if (known.default_value.empty()) known.default_value = use.default_value;
    if (known.alternate_value.empty()) known.alternate_value = use.alternate_value;
    if (!found && state.warned_unset.insert(use.name).second)
      state.warning(place_of_variable(state, node.place, use.name), Code::VariableUnset,
                    "variable `" + use.name + "` is not set; an empty text is used",
                    "write `$$" + use.name + "` if the container is to see `$" + use.name + "`");
  };
  Substitution done = substitute(node.text, lookup, observe);
  if (done.error.empty()) {
    if (done.text == node.text) return;
    if (!state.afford(node.place, 0, done.text.size())) {
      node.tag = NodeTag::Reset;
      return;
    }
    step.text = "`" + node.text.substr(0, 80) + "` became `" + done.text.substr(0, 80) + "`";
    node.text = std::move(done.text);
    state.step(node.place, std::move(step));
    return;
  }
  node.tag = NodeTag::Reset;  // what it would be is not known: no later pass is to read it
  state.incomplete = true;
  if (done.error == "invalid")
    state.error(node.place, Code::BadInterpolation,
                "invalid interpolation in `" + path + "`: `" + node.text.substr(0, 80) + "`",
                node.text.find("${") != std::string::npos && node.text.find('}') == std::string::npos
                    ? "a `}` is missing; for a literal dollar write `$$`"
                    : "for a literal dollar write `$$`");
  else
    state.error(node.place,
                done.missing     ? Code::RequiredVariable
                : done.too_large ? Code::LimitExceeded
                                 : Code::BadInterpolation,
                "in `" + path + "`: " + done.error,
                done.missing ? "set it in the shell or in an env file such as .env" : "");
}

}  // namespace

void interpolate(LoadState& state, Node& document, const Variables& variables, const VariablePlaces& places) {
  const Lookup lookup = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  interpolate_node(state, document, lookup, places, "");
}

}  // namespace berth::compose
