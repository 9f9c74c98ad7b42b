// The program. `berth __supervisor ...` is how the keeper starts a stack's own process; everything else is the command
// line.
#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#ifdef BERTH_WITH_SUPERVISOR
#include "berth/supervisor/run.hpp"
#endif

extern char** environ;

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
#ifdef BERTH_WITH_SUPERVISOR
  if (!arguments.empty() && arguments[0] == "__supervisor")
    return berth::supervisor::run({arguments.begin() + 1, arguments.end()});
#endif
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry; ++entry) {
    const std::string pair = *entry;
    const auto equals = pair.find('=');
    if (equals != std::string::npos) environment.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return berth::cli::run_program(argc > 0 ? argv[0] : "berth", arguments, std::move(environment));
}
