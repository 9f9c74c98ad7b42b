// Rules of docker compose that single values show: a file, and what its `config` holds, or that it is refused.
#include <gtest/gtest.h>

#include "berth/compose/config.hpp"
#include "berth/compose/load.hpp"

namespace berth::compose {
namespace {

ConfigOutput config_of(const std::string& yaml, const std::string& over = {}) {
  MemoryFiles files;
  files.files["/p/compose.yaml"] = yaml;
  std::vector<std::string> arguments = {"-f", "compose.yaml"};
  if (!over.empty()) {
    files.files["/p/over.yaml"] = over;
    arguments.insert(arguments.end(), {"-f", "over.yaml"});
  }
  arguments.insert(arguments.end(), {"config", "--format", "json"});
  return run_config_command(arguments, "/p", {}, files, "");
}

struct Rule {
  const char* service;  // the fields of a service with an image
  const char* holds;    // null: it is refused
};

TEST(ReferenceRules, OfOneService) {
  static constexpr Rule kRules[] = {
      {"environment: {A: _1}", R"("A": "_1")"},
      {"environment: {A: 1_0.5}", R"("A": "10.5")"},
      {"environment: {A: 0O17}", R"("A": "15")"},
      {"environment: {A: 100000000000000000000}", R"("A": "1e+20")"},
      {"environment: {A: -9223372036854775808}", R"("A": "-9223372036854775808")"},
      {"environment: {A: 1e-400}", R"("A": "0")"},
      {R"(environment: {A: "\N\_"})", "\"A\": \"\u0085\u00a0\""},
      {"environment: {A: !!int a}", nullptr},
      {"environment: {A: !!bool yes}", nullptr},
      {"environment: ['A =b']", nullptr},
      {"environment: ['']", R"("": null)"},
      {"environment: {A: !override \"1\"}", R"("A": "1")"},
      {"command: a `b c` d", "\"`b c`\""},
      {"command: a (b)", nullptr},
      {"command: a x$$(b c) d", "x$$(b c)"},
      {"command: a `b", nullptr},
      {"tty: '1'", nullptr},
      {"scale: '+2'", R"("scale": 2)"},
      {"stop_grace_period: 1d12h", R"("stop_grace_period": "36h0m0s")"},
      {"stop_grace_period: 1.5w", R"("stop_grace_period": "252h0m0s")"},
      {"deploy: {update_config: {delay: 0s, order: stop-first}}", "\"update_config\": {\n          \"order\""},
      {"dns: ['', 1.1.1.1]", "\"dns\": [\n        \"1.1.1.1\"\n      ]"},
      {"cap_add: [A=1, A=2]", "\"cap_add\": [\n        \"A=2\"\n      ]"},
      {"ports: ['::1:80:80']", nullptr},
      {"ports: ['127.0.0.01:80:80']", nullptr},
      {"ports: [0]", nullptr},
      {"container_name: it's", R"("container_name": "it's")"},
      {"container_name: '-x'", nullptr},
      {"profiles: ['']", R"("web": {)"},
      {"credential_spec: {file: ./a}", R"("file": "./a")"},
      {"build: {context: /a/../b}", R"("context": "/a/../b")"},
      {"volumes: ['/a:/x//y/']", R"("target": "/x/y")"},
      {"expose: [1.5]", nullptr},
  };
  for (const auto& rule : kRules) {
    const ConfigOutput output = config_of(std::string("services:\n  web:\n    image: i\n    ") + rule.service + "\n");
    EXPECT_EQ(output.exit_code == 0, rule.holds != nullptr) << rule.service << "\n" << output.err;
    const bool holds = rule.holds && output.out.find(rule.holds) != std::string::npos;
    EXPECT_EQ(holds, rule.holds != nullptr) << rule.service << "\n" << output.out;
  }
}

TEST(ReferenceRules, OfWholeFiles) {
  for (const char* refused : {"{}", "services: {web: {image: ''}}", " services:\n   web: {image: i}\nvolumes: {}\n",
                              "---\n---\nservices: {}\n", "services: {web: {image: i}}\n---\n"})
    EXPECT_NE(config_of(refused).exit_code, 0) << refused;
  EXPECT_EQ(config_of("services:\r  web:\r    image: i\r").exit_code, 0);
}

TEST(ReferenceRules, OfTwoFiles) {
  const std::string base = "services: {web: {image: i, build: {args: {A: 1}}}}\nx-a: {b: c}\n";
  EXPECT_EQ(config_of(base, "services: {web: {build: {args: {A: null}}}}").out.find("\"args\""), std::string::npos);
  EXPECT_NE(config_of(base, "x-a: text").exit_code, 0);
  EXPECT_NE(config_of(base).out.find("\"context\": \"/p\""), std::string::npos);
}

}  // namespace
}  // namespace berth::compose
