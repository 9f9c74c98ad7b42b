// What the passes share: the state of one load, and one function a pass. Internal to the module.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "berth/compose/load.hpp"
#include "codes.hpp"
#include "written_forms.hpp"

namespace berth::compose {

using Variables = std::map<std::string, std::string>;

using VariablePlaces = std::map<std::string, Place>;  // of those that env files set

// One step on the way of a value from where it was written to where it counts.
struct Origin {
  enum class Kind : std::uint8_t { Alias, Extends, Include, Overrides, Substituted, Implied } kind = Kind::Alias;
  Place place;               // of the step; of what is overridden, with the way of that
  std::string text;          // what a note says of it
  VariablePlaces variables;  // Substituted: which, and where they were set (nowhere: in the shell)
  std::uint32_t before = 0;  // the step before this one, as Place::origin
};

struct LoadState {
  const LoadOptions& options;
  FileReader& files;
  text::Diagnostics& diagnostics;
  Variables variables;         // process over env files
  VariablePlaces places = {};  // of those in `variables` that an env file gave
  std::vector<std::shared_ptr<const text::SourceFile>> sources = {};
  std::vector<Origin> origins = {};
  std::map<std::string, VariableUse> uses = {};
  std::map<std::string, std::vector<Place>> used_at = {};  // variables, by name
  std::map<std::string, std::vector<Place>> shadowed_at =
      {};  // where a variable is set that is set with more right elsewhere
  std::set<std::string> warned_unset = {};
  // Structures with a key that is not known, by path ("services.web"; "" is the file): what they lack may be that key.
  std::set<std::string> unclear = {};
  std::string merging = {};                                        // the service, while its keys are merged
  std::map<std::string, std::pair<Place, Place>> taken_away = {};  // by path: the `!reset`, and what it took
  bool incomplete = false;  // a file or a value could not be read: what is missing may stand there
  // What all files together have cost so far; each has its bound.
  std::size_t bytes = 0, nodes = 0, files_read = 0, ports = 0;
  std::size_t letters = 0;  // that variables and env files gave
  std::map<std::string, int> times_included = {};
  std::set<std::string> counted = {};  // files whose size is part of `bytes`
  WrittenForms written = {};           // while variables are not put in

  // Whether variables are still to be put in, so that nobody knows yet what it will be.
  bool is_unfilled(const Node& value) const {
    return options.no_interpolate && value.is_string() && value.text.find('$') != std::string::npos;
  }

  text::Span span(const Place& place) const;
  // With notes of how the value came there: the anchor, the file that extends or includes it, what it overrides, where
  // its variables were set.
  text::Diagnostic diagnostic(text::Severity severity, const Place& place, Code code, std::string message,
                              std::string hint = {}) const;
  void error(const Place& place, Code code, std::string message, std::string hint = {}) const {
    diagnostics.add(diagnostic(text::Severity::Error, place, code, std::move(message), std::move(hint)));
  }
  void warning(const Place& place, Code code, std::string message, std::string hint = {}) const {
    diagnostics.add(diagnostic(text::Severity::Warning, place, code, std::move(message), std::move(hint)));
  }
  // An error, or a warning, whose other half stands elsewhere.
  void error_beside(const Place& place, Code code, std::string message, std::string hint, const Place& other,
                    std::string note) const;
  // Values, or letters of them, that no file holds as such: out of variables, out of an env file once more, of a
  // service that another extends. False, with an error, where they have become too many.
  bool afford(const Place& place, std::size_t values, std::size_t size);
  // A new file to point into.
  std::uint32_t add_source(const std::string& shown_path, std::string content);
  std::string shown(const std::string& path) const;  // as the user would write it: relative, where it is below
  // Of the way of a value, the last step first.
  std::vector<text::Note> notes_of(std::uint32_t origin) const;
  // One step more on the way of what stands at `place`.
  void step(Place& place, Origin origin);
  // `over` counts instead of `base`, and remembers it.
  void take_over(Node& base, Node over);
  // `node` and all below it have come there by this step.
  void derive(Node& node, Origin::Kind kind, const Place& place, const std::string& text);
  // "`word` is no WHAT"; the hint names the nearest of `known`, or all of them.
  void unknown_word(const Place& place, const std::string& word, const std::string& what,
                    const std::vector<std::string>& known) const;
};

// ---- yaml.cpp: the documents of a file; a wrong file gives diagnostics and the documents before the mistake.
std::vector<Node> parse_yaml(LoadState& state, const std::string& shown_path, std::string content);

// What a copy costs; a long text counts as several nodes.
std::size_t count_nodes(const Node& node);

// ---- yaml_scalars.cpp
// What an unquoted scalar with these letters is.
Node plain_scalar(std::string text);
void resolve_plain(Node& node);
// By a tag as `!!int`; false where the text is no such thing.
bool resolve_tagged(Node& node, const std::string& tag);
// Trap: yaml-cpp writes the escapes \N and \_ as one byte each.
std::string as_utf8(const std::string& text);
bool valid_utf8(std::string_view text);

// ---- interpolate.cpp
struct Substitution {
  std::string text;
  std::string error;       // not empty: it failed
  bool missing = false;    // the error is a required variable without a value
  bool too_large = false;  // the error is the value's length
};
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
using Observe = std::function<void(const VariableUse& use, bool found)>;
Substitution substitute(std::string_view text, const Lookup& lookup, const Observe& observe = {}, int depth = 0);
void interpolate(LoadState& state, Node& document, const Variables& variables, const VariablePlaces& places);

// ---- dotenv.cpp
struct DotenvResult {
  std::vector<std::pair<std::string, std::optional<std::string>>>
      entries;                       // nothing: bare key that has no value anywhere
  std::vector<std::uint32_t> lines;  // beside `entries`
  std::string error;
  bool too_large = false;  // the error is the length of the values
  std::uint32_t line = 0;
};
DotenvResult parse_dotenv(std::string_view text, const Lookup& lookup);
DotenvResult parse_raw_env(std::string_view text, const Lookup& lookup);

// ---- canonical.cpp: structure and canonical forms by table.
void canonicalize(LoadState& state, Node& document);
const std::vector<std::string>& known_keys(const std::string& structure);

// ---- key_hints.cpp: what is likely meant by a key that its structure does not have; may be empty.
std::string hint_for_key(const std::string& key, const Node& value, const std::string& structure,
                         const std::string& path);

// ---- structure_rules.cpp: of one structure; what it holds by itself, before files are merged, and what contradicts
// itself after.
void preset_structure(LoadState& state, Node& node, const std::string& name, const std::string& path);
void finish_structure(LoadState& state, Node& node, const std::string& name, const std::string& path);

// ---- check_structure.cpp
void check_structure(LoadState& state, Node& model);

// ---- omit_empty.cpp
void omit_empty(Node& document);

// ---- short_forms.cpp: each gives the long form, or an error text.
struct Expanded {
  std::vector<Node> nodes;
  std::string error;
  Code code = Code::WrongType;
};
bool is_ip_address(std::string_view text);
Expanded expand_port(std::string_view text, std::size_t most = 65'536);  // a range of `most` ports at most
Expanded expand_volume(std::string_view text);
Expanded expand_device(std::string_view text);
std::optional<std::vector<std::string>> split_words(std::string_view text);  // shell words without a shell

// ---- merge.cpp: both canonical; `over` wins.
void merge(LoadState& state, Node& base, Node over);
void strip_tags(Node& document);

// ---- paths.cpp
std::string absolute_path(std::string_view path, const std::string& directory, const std::string& home = {});
std::string clean_path(const std::string& path);  // without `.`, `..` and doubled slashes; a relative one stays so
std::string parent_path(const std::string& path);
std::string base_name(const std::string& path);
void resolve_paths(LoadState& state, Node& document, const std::string& directory);

// Where to point at a structure: its first key.
Place head_of(const Node& node);

// ---- environment.cpp
Lookup lookup_in(const Variables& variables);
bool is_switched_on(const LoadState& state, const char* variable);
// Adds the file's variables to `added`; false where it cannot be read. `from` names the file, and may be nowhere.
bool add_env_file(LoadState& state, const std::string& path, const Place& from, const Variables& outer,
                  Variables& added, VariablePlaces& places, bool required);
// Of --env-file, COMPOSE_ENV_FILES or .env.
void load_environment(LoadState& state, const std::string& directory);
// Folds env files and label files in; keys without a value are looked up.
void resolve_service_environment(LoadState& state, Node& model);
// `seccomp:FILE` of security_opt becomes `seccomp:` and what the file says.
void read_security_profiles(LoadState& state, Node& model, const std::string& directory);

// ---- select.cpp
// By their profiles; all profiles that are named anywhere are added to `all_profiles`.
std::set<std::string> disabled_services(const LoadState& state, const Node& model, std::set<std::string>& all_profiles);
// Moves a service there.
void set_aside(Node& aside, NodeField& field, const Place& key_place);
// Leaves the selected services (and what they need), puts the others aside, and takes the resources away that none of
// the selected uses.
void select_services(LoadState& state, Node& model, Node& aside);

// ---- load.cpp
std::vector<std::string> split_list(const std::string& text, char separator);
std::string trimmed(const std::string& text);

// ---- validate.cpp
void validate(LoadState& state, const Node& model);
void set_defaults(Node& model);
void normalize(LoadState& state, Node& model, const std::string& project_name);
// Where the structure is already known to be wrong, only what does not follow from that.
void check_consistency(LoadState& state, const Node& model, const std::set<std::string>& disabled);
// ---- unsupported.cpp: for options.purpose.
void check_supported(LoadState& state, const Node& model);

// ---- trail.cpp: where a value of the model, or a variable, came from. `aside`: the services that are not enabled.
std::vector<Explained> explain_value(const LoadState& state, const Node& model, const Node& aside,
                                     const std::string& what);

// ---- project.cpp
model::Project to_project(LoadState& state, const Node& model);

}  // namespace berth::compose
