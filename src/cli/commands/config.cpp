#include "berth/compose/config.hpp"

#include <fcntl.h>

#include <cstdio>
#include <filesystem>

#include "berth/sys/file.hpp"
#include "commands.hpp"
#include "compose_files.hpp"

namespace berth::cli {
namespace {

compose::ConfigListing listing_of(const OptionValues& options) {
  static constexpr struct {
    const char* flag;
    compose::ConfigListing listing;
  } kListings[] = {
      {"services", compose::ConfigListing::Services},   {"volumes", compose::ConfigListing::Volumes},
      {"networks", compose::ConfigListing::Networks},   {"images", compose::ConfigListing::Images},
      {"profiles", compose::ConfigListing::Profiles},   {"environment", compose::ConfigListing::Environment},
      {"variables", compose::ConfigListing::Variables}, {"models", compose::ConfigListing::Models},
  };
  for (const auto& entry : kListings)
    if (options.flag(entry.flag)) return entry.listing;
  if (options.given("explain")) return compose::ConfigListing::Explain;
  return options.given("hash") ? compose::ConfigListing::Hash : compose::ConfigListing::Model;
}

compose::ConfigOptions config_options(const App& app) {
  const OptionValues& options = app.line.options;
  compose::ConfigOptions config;
  config.load = load_options(app, app.line.operands);
  config.load.no_interpolate = options.flag("no-interpolate");
  config.load.no_normalize = options.flag("no-normalize");
  config.load.no_path_resolution = options.flag("no-path-resolution");
  config.load.no_consistency = options.flag("no-consistency");
  config.load.no_env_resolution = options.flag("no-env-resolution");
  config.listing = listing_of(options);
  config.format = options.text("format");
  config.hash_of = options.text("hash");
  config.load.explain = options.text("explain");
  config.color = app.color_out;
  config.quiet = options.flag("quiet");
  return config;
}

// A device, a pipe or what a symbolic link leads to is written into, not replaced.
Result<void> write_output(const std::string& path, const std::string& text) {
  std::error_code unknown;
  const auto kind = std::filesystem::symlink_status(path, unknown).type();
  using Kind = std::filesystem::file_type;
  if (kind == Kind::regular || kind == Kind::not_found || kind == Kind::none)
    return sys::write_file_atomic(path, text, sys::Durability::Volatile, 0644);
  const auto file = sys::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0644);
  if (!file) return file.error();
  return sys::write_all(file->get(), text, path);
}

}  // namespace

int run_config(const App& app) {
  compose::DiskFiles disk;
  const auto output = compose::run_config(config_options(app), compose::Environment{app.environment}, disk);
  print_diagnostics(app, output.diagnostics);
  std::fwrite(output.err.data(), 1, output.err.size(), stderr);
  const auto file = app.line.options.maybe("output");
  if (!file || output.exit_code != 0) {
    print(output.out);
  } else if (!app.line.options.flag("quiet")) {  // which only asks whether the files are right
    if (const auto written = write_output(*file, output.out); !written)
      throw Failure(written.error().while_doing("writing the output to `" + *file + "`"));
  }
  return output.exit_code;
}

}  // namespace berth::cli
