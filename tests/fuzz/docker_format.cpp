// Go templates of `docker --format`, variable files and --mount, as they are typed or read.
#include <boost/json.hpp>
#include <cstdint>
#include <string_view>

#include "../../src/cli/docker/env_files.hpp"
#include "../../src/cli/docker/run_document.hpp"
#include "../../src/cli/render/go_template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  static const boost::json::value thing = boost::json::parse(
      R"({"Name": "web", "State": {"Running": true, "Pid": 7}, "Mounts": [{"Source": "/a"}], "Labels": {"a": "b"}, "None": null})");
  if (const auto parsed = berth::cli::GoTemplate::parse(text)) (void)parsed->render(thing);
  (void)berth::cli::docker::parse_variable_file("vars", text, {{"HOME", "/"}});
  (void)berth::cli::docker::parse_mount(std::string(text));
  return 0;
}
