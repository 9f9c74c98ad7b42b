// The names under which scripts look for docker, as links to this program: `docker-compose` and `docker` in PREFIX/bin,
// and the docker client's plug-in. What stands in the way is found first; what was made is recorded in
// PREFIX/lib/berth/names.json before it is made, so that undoing works after an interruption at any point, and takes
// back exactly that. A file that --force replaced waits in PREFIX/lib/berth/replaced/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::cli {

// `Defaults secure_path` of a sudoers file: where sudo looks for programs. Nothing where the text sets none.
std::optional<std::string> secure_path_of(std::string_view sudoers);

struct NamePlaces {
  std::string prefix;                      // /usr/local
  std::string program;                     // the file that the names lead to, resolved
  std::vector<std::string> search;         // directories in which shells and sudo look, in their order
  std::vector<std::string> plugin_search;  // directories in which the docker client looks, in its order
};

struct DockerName {
  std::string name;  // docker-compose, docker, plugin
  std::string path;
};

struct NameRecord {
  std::string name;
  std::string target;     // what the link said
  bool replaced = false;  // what stood there is in replaced/

  bool operator==(const NameRecord&) const = default;
};

struct NamesRecord {
  std::vector<NameRecord> names;
  std::vector<std::string> directories;  // made for them, outermost first
};
Result<NamesRecord> names_record_of(std::string_view json);
std::string to_json(const NamesRecord& record);

class DockerNames {
 public:
  explicit DockerNames(NamePlaces places) : places_(std::move(places)) {}

  static const std::vector<std::string>& all();  // docker-compose, docker, plugin

  // What happened, for the user, a line each.
  struct Report {
    std::vector<std::string> done;
    std::vector<std::string> warnings;
    std::vector<Error> refused;
  };
  enum class Force { No, Yes };
  enum class Run { Real, Dry };
  Result<Report> install(const std::vector<std::string>& names, Force force, Run run);
  Result<Report> undo(const std::vector<std::string>& names, Run run);

 private:
  std::string path_of(const std::string& name) const;
  std::string home() const { return places_.prefix + "/lib/berth"; }
  std::string record_path() const { return home() + "/names.json"; }
  std::string replaced_path(const std::string& name) const { return home() + "/replaced/" + name; }
  Result<NamesRecord> read_record() const;
  Result<void> write_record(const NamesRecord& record) const;
  Result<void> install_one(const std::string& name, Force force, Run run, NamesRecord& record, Report& report) const;
  Result<void> undo_one(const NameRecord& entry, Run run, Report& report) const;
  Result<void> make_parents(const std::string& path, NamesRecord& record) const;
  std::optional<std::string> other(const std::string& name) const;  // a program of the name elsewhere that is not ours
  bool comes_first(const std::string& name, const std::string& found) const;
  bool is_ours(const std::string& path) const;

  NamePlaces places_;
};

}  // namespace berth::cli
