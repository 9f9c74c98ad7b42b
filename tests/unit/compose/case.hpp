// One stack in memory, below /p/shop, for tests of the loader and of `config`.
#pragma once

#include <string>
#include <vector>

#include "berth/compose/config.hpp"

namespace berth::compose {

struct Case {
  MemoryFiles files;
  LoadOptions options;
  Environment environment;

  explicit Case(std::string yaml) {
    file("compose.yaml", std::move(yaml));
    options.working_dir = "/p/shop";
  }
  Case& file(const std::string& name, std::string text) {
    files.files["/p/shop/" + name] = std::move(text);
    return *this;
  }
  LoadOutcome run() { return load(options, environment, files); }
  ConfigOutput config(const std::vector<std::string>& arguments) {
    return run_config_command(arguments, options.working_dir, environment, files);
  }
};

inline std::string rendered(const LoadOutcome& outcome) {
  std::string text;
  for (const auto& diagnostic : outcome.diagnostics.all()) text += text::render(diagnostic);
  return text;
}

}  // namespace berth::compose
