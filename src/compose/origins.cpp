// How a value came to where it counts, and diagnostics that say so: through an anchor, `extends`, an included file, in
// place of another value, or out of variables.
#include "passes.hpp"

namespace berth::compose {

const char* name_of(Code code) {
  static constexpr const char* kNames[] = {
      "yaml-syntax",       "tab-indentation",
      "key-not-text",      "duplicate-key",
      "merge-not-map",     "anchor-cycle",
      "bad-base64",        "not-utf8",
      "limit-exceeded",    "not-a-compose-file",
      "empty-file",        "no-compose-file",
      "file-unreadable",   "env-file-missing",
      "env-file-syntax",   "env-file-format",
      "variable-unset",    "required-variable",
      "bad-interpolation", "project-name",
      "include-form",      "include-cycle",
      "extends-form",      "extends-cycle",
      "extends-missing",   "version-obsolete",
      "no-such-service",   "seccomp-profile",
      "unknown-key",       "missing-key",
      "empty-value",       "wrong-type",
      "unknown-word",      "out-of-range",
      "listed-twice",      "bad-name",
      "container-name",    "bad-number",
      "bad-size",          "bad-duration",
      "bad-file-mode",     "bad-port",
      "bad-volume",        "bad-device",
      "bad-host",          "missing-value",
      "unclosed-quote",    "empty-service",
      "no-image",          "one-source",
      "external-keys",     "exclusive-keys",
      "different-values",  "mount-twice",
      "health-test",       "restart-policy",
      "undefined-service", "undefined-resource",
      "inactive-profile",  "dependency-cycle",
      "no-build",          "container-name-taken",
      "unsupported",       "no-effect",
  };
  static_assert(std::size(kNames) == static_cast<std::size_t>(Code::Count));
  return kNames[static_cast<std::size_t>(code)];
}

text::Span LoadState::span(const Place& place) const {
  if (place.file == 0) return {};
  return {sources[place.file - 1], place.line, place.column, place.end_line, place.end_column};
}

std::uint32_t LoadState::add_source(const std::string& shown_path, std::string content) {
  sources.push_back(std::make_shared<const text::SourceFile>(shown_path, std::move(content)));
  return static_cast<std::uint32_t>(sources.size());
}

bool LoadState::afford(const Place& place, std::size_t values, std::size_t size) {
  // A fixed part, and one that grows with the files, so that what people write by hand is far from it.
  constexpr std::size_t kSpareValues = 50'000, kSpareLetters = 2u << 20;
  const bool before = nodes <= kSpareValues + 2 * bytes && letters <= kSpareLetters + 32 * bytes;
  nodes += values;
  letters += size;
  const bool many = nodes > kSpareValues + 2 * bytes, long_ones = letters > kSpareLetters + 32 * bytes;
  if (!many && !long_ones) return true;
  incomplete = true;
  if (before)
    error(place, Code::LimitExceeded,
          many ? "the files have more than " + std::to_string(kSpareValues + 2 * bytes) +
                     " values with their env files and what services extend"
               : "the values are longer than " + std::to_string((kSpareLetters + 32 * bytes) >> 20) +
                     " MiB together, with their variables put in");
  return false;
}

std::string LoadState::shown(const std::string& path) const {
  const std::string prefix = options.working_dir == "/" ? "/" : options.working_dir + "/";
  return path == "-" ? "<stdin>" : path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

namespace {

constexpr std::size_t kMaxNotes = 20;  // that are told of one value

// First how the value itself came there, then what it overrides and how that came there.
void add_notes(const LoadState& state, std::uint32_t origin, std::vector<text::Note>& notes) {
  std::vector<std::uint32_t> overrides;
  for (; origin != 0 && notes.size() < kMaxNotes; origin = state.origins[origin - 1].before) {
    const Origin& step = state.origins[origin - 1];
    if (step.kind == Origin::Kind::Overrides) {
      overrides.push_back(origin);
      continue;
    }
    notes.push_back({state.span(step.place), step.text});
    for (const auto& [name, place] : step.variables)
      notes.push_back({state.span(place), place.file ? "variable `" + name + "` is set here"
                                                     : "variable `" + name + "` comes from the shell's environment"});
  }
  for (const std::uint32_t over : overrides) {
    if (notes.size() >= kMaxNotes) return;
    const Origin& step = state.origins[over - 1];
    notes.push_back({state.span(step.place), step.text});
    add_notes(state, step.place.origin, notes);
  }
}

void derive_place(LoadState& state, Place& place, const Origin& step, std::map<std::uint32_t, std::uint32_t>& made) {
  const auto [at, fresh] = made.emplace(place.origin, 0);
  if (fresh) {
    state.origins.push_back(step);
    state.origins.back().before = place.origin;
    at->second = static_cast<std::uint32_t>(state.origins.size());
  }
  place.origin = at->second;
}

void derive_all(LoadState& state, Node& node, const Origin& step, std::map<std::uint32_t, std::uint32_t>& made) {
  derive_place(state, node.place, step, made);
  for (auto& place : node.key_places) derive_place(state, place, step, made);
  for (auto& item : node.items) derive_all(state, item, step, made);
  for (auto& [key, value] : node.fields) derive_all(state, value, step, made);
}

}  // namespace

text::Diagnostic LoadState::diagnostic(text::Severity severity, const Place& place, Code code, std::string message,
                                       std::string hint) const {
  text::Diagnostic made;  // no braces: GCC 12 takes the span's file for uninitialised then
  made.severity = severity;
  made.code = name_of(code);
  made.span = span(place);
  made.message = std::move(message);
  made.hint = std::move(hint);
  made.notes = notes_of(place.origin);
  return made;
}

std::vector<text::Note> LoadState::notes_of(std::uint32_t origin) const {
  std::vector<text::Note> notes;
  add_notes(*this, origin, notes);
  return notes;
}

void LoadState::step(Place& place, Origin origin) {
  origin.before = place.origin;
  origins.push_back(std::move(origin));
  place.origin = static_cast<std::uint32_t>(origins.size());
}

void LoadState::take_over(Node& base, Node over) {
  if (base.place.file && over.place.file &&
      (base.place.file != over.place.file || base.place.line != over.place.line)) {
    Origin overrides;
    overrides.kind = Origin::Kind::Overrides;
    overrides.place = base.place;
    overrides.text = "it overrides the value given here";
    step(over.place, std::move(overrides));
  }
  base = std::move(over);
}

void LoadState::error_beside(const Place& place, Code code, std::string message, std::string hint, const Place& other,
                             std::string note) const {
  auto made = diagnostic(text::Severity::Error, place, code, std::move(message), std::move(hint));
  made.notes.insert(made.notes.begin(), {span(other), std::move(note)});
  diagnostics.add(std::move(made));
}

void LoadState::derive(Node& node, Origin::Kind kind, const Place& place, const std::string& text) {
  std::map<std::uint32_t, std::uint32_t> made;  // one step more for each way so far
  Origin step;
  step.kind = kind;
  step.place = place;
  step.place.origin = 0;
  step.text = text;
  derive_all(*this, node, step, made);
}

Place head_of(const Node& node) {
  const bool keyed = node.is_map() && !node.key_places.empty() && node.key_places[0].line == node.place.line;
  return keyed ? node.key_places[0] : node.place;
}

}  // namespace berth::compose
