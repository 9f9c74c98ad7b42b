#include "berth/compose/config.hpp"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>

#include "berth/image/reference.hpp"
#include "berth/registry/digests.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/signal_fd.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "pull_images.hpp"

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

// Compat: images that are only built have no digest, and what has one keeps it.
std::map<std::string, std::string> pinned_images(const App& app, const model::Project& project,
                                                 text::Diagnostics& diagnostics) {
  std::vector<const model::Service*> services;
  std::vector<std::string> names;
  for (const auto& [name, service] : project.services)
    if (!service.image.empty()) {
      services.push_back(&service);
      names.push_back(service.image);
    }
  const std::set<std::string> different(names.begin(), names.end());
  const std::vector<std::string> asked(different.begin(), different.end());
  const sys::Wakeups signals = must(sys::Wakeups::create({SIGINT, SIGTERM}, std::chrono::milliseconds(0)));
  const auto digests = registry::fetch_digests(asked, app.environment, signals.fd());
  std::map<std::string, std::string> out;
  for (std::size_t i = 0; i < services.size(); ++i) {
    const auto place = std::lower_bound(asked.begin(), asked.end(), names[i]) - asked.begin();
    const auto& digest = digests[static_cast<std::size_t>(place)];
    if (digest) {
      auto reference = must(image::parse_reference(names[i]));
      reference.digest = *digest;
      out[services[i]->name.value] = reference.to_string();
    } else if (digest.error().kind() == ErrorKind::Cancelled) {
      throw LoadFailed{kInterrupted};
    } else {
      diagnostics.add(image_error(*services[i], digest.error()));
    }
  }
  return out;
}

compose::ConfigOptions config_options(const App& app, bool& pins_failed) {
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
  config.lock_image_digests = options.flag("lock-image-digests");
  if (config.lock_image_digests || options.flag("resolve-image-digests"))
    config.pin_images = [&](const model::Project& project, text::Diagnostics& diagnostics) {
      auto pinned = pinned_images(app, project, diagnostics);
      pins_failed = diagnostics.has_errors();
      return pinned;
    };
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
  bool pins_failed = false;
  auto output = compose::run_config(config_options(app, pins_failed), compose::Environment{app.environment}, disk);
  if (pins_failed) output.exit_code = kPullFailed;
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
