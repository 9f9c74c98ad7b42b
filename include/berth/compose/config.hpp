// The `config` verb as a function: arguments and files in, what to print and the exit code out.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "berth/compose/load.hpp"

namespace berth::compose {

enum class ConfigListing {
  Model,
  Services,
  Volumes,
  Networks,
  Images,
  Profiles,
  Hash,
  Environment,
  Variables,
  Models,
  Explain
};

struct ConfigOptions {
  LoadOptions load;  // `services` holds the operands, `explain` the argument of --explain
  ConfigListing listing = ConfigListing::Model;
  std::string format = "yaml";  // or json
  std::string hash_of;          // --hash: "*" or names with commas
  bool color = false;           // --explain
  bool quiet = false;
  // Where images are to be pinned: what to write for the image of each service. Errors go to the diagnostics, and then
  // nothing is printed.
  std::function<std::map<std::string, std::string>(const model::Project&, text::Diagnostics&)> pin_images;
  bool lock_image_digests = false;  // prints the pinned images and nothing else
};

struct ConfigOutput {
  std::string out;
  std::string err;  // what is wrong with the question, not with the files
  text::Diagnostics diagnostics;
  int exit_code = 0;
};

ConfigOutput run_config(const ConfigOptions& options, const Environment& environment, FileReader& files);

// A whole command line as `docker compose` has it, "[global flags] config [flags] [SERVICE...]". For drivers and tests;
// the program has its own option table. Diagnostics are in `err`, as text.
ConfigOutput run_config_command(const std::vector<std::string>& arguments, const std::string& working_dir,
                                const Environment& environment, FileReader& files, const std::string& stdin_text = {});

}  // namespace berth::compose
