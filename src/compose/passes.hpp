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

namespace berth::compose {

using Variables = std::map<std::string, std::string>;

struct LoadState {
  const LoadOptions& options;
  FileReader& files;
  text::Diagnostics& diagnostics;
  Variables variables;  // process over env files
  std::vector<std::shared_ptr<const text::SourceFile>> sources = {};
  std::map<std::string, VariableUse> uses = {};
  std::set<std::string> warned_unset = {};
  // What all files together have cost so far; each has its bound.
  std::size_t bytes = 0, nodes = 0, files_read = 0, ports = 0;

  text::Span span(const Place& place) const;
  void error(const Place& place, std::string message, std::string hint = {}) const {
    diagnostics.error(span(place), std::move(message), std::move(hint));
  }
  void warning(const Place& place, std::string message, std::string hint = {}) const {
    diagnostics.warning(span(place), std::move(message), std::move(hint));
  }
  // "`word` is no WHAT"; the hint names the nearest of `known`, or all of them.
  void unknown_word(const Place& place, const std::string& word, const std::string& what,
                    const std::vector<std::string>& known) const;
};

// ---- yaml.cpp: the documents of a file; a wrong file gives diagnostics and the documents before the mistake.
std::vector<Node> parse_yaml(LoadState& state, const std::string& shown_path, std::string content);

// What an unquoted scalar with these letters is.
Node plain_scalar(std::string text);

// ---- interpolate.cpp
struct Substitution {
  std::string text;
  std::string error;     // not empty: it failed
  bool missing = false;  // the error is a required variable without a value
};
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
using Observe = std::function<void(const VariableUse& use, bool found)>;
Substitution substitute(std::string_view text, const Lookup& lookup, const Observe& observe = {}, int depth = 0);
void interpolate(LoadState& state, Node& document, const Variables& variables);

// ---- dotenv.cpp
struct DotenvResult {
  std::vector<std::pair<std::string, std::optional<std::string>>>
      entries;  // nothing: bare key that has no value anywhere
  std::string error;
  std::uint32_t line = 0;
};
DotenvResult parse_dotenv(std::string_view text, const Lookup& lookup);
DotenvResult parse_raw_env(std::string_view text, const Lookup& lookup);

// ---- canonical.cpp: structure and canonical forms by table.
void canonicalize(LoadState& state, Node& document);
const std::vector<std::string>& known_keys(const std::string& structure);

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
};
bool is_ip_address(std::string_view text);
Expanded expand_port(std::string_view text);
Expanded expand_volume(std::string_view text);
Expanded expand_device(std::string_view text);
std::optional<std::vector<std::string>> split_words(std::string_view text);  // shell words without a shell

// ---- merge.cpp: both canonical; `over` wins.
void merge(Node& base, Node over);
void strip_tags(Node& document);

// ---- paths.cpp
std::string absolute_path(std::string_view path, const std::string& directory, const std::string& home = {});
std::string parent_path(const std::string& path);
std::string base_name(const std::string& path);
void resolve_paths(LoadState& state, Node& document, const std::string& directory);

// ---- select.cpp
// By their profiles; all profiles that are named anywhere are added to `all_profiles`.
std::set<std::string> disabled_services(const LoadState& state, const Node& model, std::set<std::string>& all_profiles);
// Leaves the selected services (and what they need), puts the others aside, and takes the resources away that none of
// the selected uses.
void select_services(LoadState& state, Node& model, Node& aside);

// ---- load.cpp
std::vector<std::string> split_list(const std::string& text, char separator);
std::string trimmed(const std::string& text);

// ---- validate.cpp
void validate(LoadState& state, const Node& model);
void normalize(LoadState& state, Node& model, const std::string& project_name);
void check_consistency(LoadState& state, const Node& model, const std::set<std::string>& disabled);
// Folds env files and label files in; keys without a value are looked up.
void resolve_service_environment(LoadState& state, Node& model);

// `seccomp:FILE` of security_opt becomes `seccomp:` and what the file says.
void read_security_profiles(LoadState& state, Node& model, const std::string& directory);

// ---- unsupported.cpp: for options.purpose.
void check_supported(LoadState& state, const Node& model);

// ---- project.cpp
model::Project to_project(LoadState& state, const Node& model);

}  // namespace berth::compose
