#include "berth/compose/config.hpp"

#include <cstdio>

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

}  // namespace

int run_config(const App& app) {
  compose::DiskFiles disk;
  const auto output = compose::run_config(config_options(app), compose::Environment{app.environment}, disk);
  print_diagnostics(app, output.diagnostics);
  std::fwrite(output.err.data(), 1, output.err.size(), stderr);
  if (const auto file = app.line.options.maybe("output"); file && output.exit_code == 0)
    must(sys::write_file_atomic(*file, output.out, sys::Durability::Volatile, 0644));
  else
    print(output.out);
  return output.exit_code;
}

}  // namespace berth::cli
