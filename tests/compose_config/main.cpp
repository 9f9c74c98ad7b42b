// `compose_config_driver [global flags] config [flags] [SERVICE...]`: the config verb alone, for the corpus comparison.
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <string>

#include "berth/compose/config.hpp"

extern char** environ;

int main(int argc, char** argv) {
  using namespace berth::compose;
  Environment environment;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) environment.variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  char directory[PATH_MAX];
  if (!getcwd(directory, sizeof directory)) return 1;
  DiskFiles files;
  const ConfigOutput output = run_config_command({argv + 1, argv + argc}, directory, environment, files);
  std::fwrite(output.out.data(), 1, output.out.size(), stdout);
  std::fwrite(output.err.data(), 1, output.err.size(), stderr);
  return output.exit_code;
}
