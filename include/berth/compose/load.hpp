// From compose files to the model: load() runs the whole pipeline of passes (src/compose/README.md lists them) on
// values only.
//
// Pure: no environment, clock or disk but through the arguments. Every mistake becomes a Diagnostic with its place; all
// of them are reported, and a failed load says which exit code it stands for.
//
//   compose::DiskFiles disk;
//   auto outcome = compose::load(options, compose::Environment{variables}, disk);
//   for (const auto& d : outcome.diagnostics.all()) std::cerr << text::render(d);
//   if (!outcome.loaded) return outcome.exit_code;
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/compose/node.hpp"
#include "berth/model/project.hpp"
#include "berth/text/diagnostic.hpp"

namespace berth::compose {

struct Environment {
  std::map<std::string, std::string> variables;  // of the process; COMPOSE_* and HOME are read from here, too
};

// Where files come from. Paths are absolute and lexically normal.
class FileReader {
 public:
  virtual ~FileReader() = default;
  virtual Result<std::string> read(const std::string& path) = 0;  // ErrorKind::NotFound where there is none
  virtual bool is_directory(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
};

class DiskFiles final : public FileReader {
 public:
  Result<std::string> read(const std::string& path) override;
  bool is_directory(const std::string& path) override;
  bool exists(const std::string& path) override;
};

// For tests: path -> content; a directory exists when a file lies below it.
class MemoryFiles final : public FileReader {
 public:
  std::map<std::string, std::string> files;
  Result<std::string> read(const std::string& path) override;
  bool is_directory(const std::string& path) override;
  bool exists(const std::string& path) override;
};

// What the model is for. What this version cannot do is refused (or said) where it would be done.
enum class Purpose {
  Show,   // everything that is valid
  Build,  // refuses what the builder does not do
  Run,    // refuses what the builder or the engine does not do
};

struct LoadOptions {
  std::string working_dir;         // absolute: where the process stands
  std::vector<std::string> files;  // -f; "-" is stdin_text. Empty: COMPOSE_FILE, then the default names upwards
  std::string stdin_text;
  std::optional<std::string> project_name;  // -p
  std::string project_directory;            // --project-directory
  std::vector<std::string> profiles;        // --profile; "*" is all
  std::vector<std::string> env_files;       // --env-file
  std::vector<std::string> services;        // selection with its dependencies; empty: all enabled
  bool all_resources = false;               // keep networks, volumes, ... that no service uses
  bool no_interpolate = false;
  bool no_normalize = false;
  bool no_path_resolution = false;
  bool no_consistency = false;
  bool no_env_resolution = false;
  bool compatibility = false;    // names with `_`
  bool no_dependencies = false;  // --no-deps: `services` alone
  Purpose purpose = Purpose::Show;
  // YAML of the command line, merged over the files where they have its services (`run -v ...`); `over_name` is the
  // file name of its diagnostics. Relative paths start at the project's directory.
  std::string over_text;
  std::string over_name;
  // A value of the model ("services.web.environment.DEBUG") or a variable, of which to tell where it came from.
  std::string explain;
};

struct Explained {
  std::string what;      // "services.web.environment.DEBUG"
  std::string value;     // as YAML on one line
  text::Diagnostic way;  // a note at the place where it was written, with a note for each step from there
};

struct VariableUse {  // for `config --variables`
  std::string name;
  bool required = false;
  std::string default_value;
  std::string alternate_value;
};

struct Loaded {
  model::Project project;
  Node tree;                                       // canonical, as `config` prints it
  std::vector<VariableUse> variables;              // by name
  std::map<std::string, std::string> environment;  // what interpolation saw: process over env files
  std::vector<std::string> profiles;               // all that are named in the files, sorted
  std::vector<Explained> explained;                // of LoadOptions::explain: each value below it
};

struct LoadOutcome {
  std::optional<Loaded> loaded;   // nothing when a diagnostic is an error
  text::Diagnostics diagnostics;  // warnings also when it worked
  int exit_code = 0;              // 0, 1, 14 (no compose file), 15 (invalid model)
};

// Variables of an env file's text, in which those of `known` may be named. An error names `path` and the line.
Result<std::map<std::string, std::string>> parse_env_file(const std::string& path, std::string_view text,
                                                          const std::map<std::string, std::string>& known);

LoadOutcome load(const LoadOptions& options, const Environment& environment, FileReader& files);

}  // namespace berth::compose
