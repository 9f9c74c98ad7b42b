// `config --explain`: the way of a value through files, anchors, extends, env files and the shell.
#include <gtest/gtest.h>

#include "case.hpp"

namespace berth::compose {
namespace {

std::string explained(Case& stack, const std::string& what) {
  const auto output = stack.config({"config", "--explain", what});
  return output.out + output.err;
}

TEST(ConfigExplain, TellsAValueBackThroughAllFiles) {
  Case stack(R"(services:
  base:
    image: nginx
    environment: {DEBUG: "0", KEPT: base}
  web:
    extends: base
    environment:
      DEBUG: ${LEVEL:-1}
)");
  stack.file("compose.override.yaml", "services:\n  web:\n    environment: [\"DEBUG=${TOP}\"]\n");
  stack.file(".env", "# of this machine\nTOP=2\n");
  stack.environment.variables["LEVEL"] = "5";
  EXPECT_EQ(explained(stack, "services.web.environment.DEBUG"), R"(services.web.environment.DEBUG = "2"
compose.override.yaml:3:19: note: it is given here
 3 |     environment: ["DEBUG=${TOP}"]
   |                   ^~~~~~~~~~~~~~
note: `DEBUG=${TOP}` became `DEBUG=2`
.env:2:1: note: variable `TOP` is set here
 2 | TOP=2
   | ^~~~~
compose.yaml:8:14: note: it overrides the value given here
 8 |       DEBUG: ${LEVEL:-1}
   |              ^~~~~~~~~~~
note: `${LEVEL:-1}` became `5`
note: variable `LEVEL` comes from the shell's environment
compose.yaml:4:26: note: it overrides the value given here
 4 |     environment: {DEBUG: "0", KEPT: base}
   |                          ^~~
compose.yaml:6:14: note: service `web` extends `base` here
 6 |     extends: base
   |              ^~~~
)");
  EXPECT_NE(explained(stack, "web.environment.KEPT").find("services.web.environment.KEPT = \"base\"\n"),
            std::string::npos);
}

TEST(ConfigExplain, TellsOfEnvFilesAndTheShell) {
  Case stack(R"(services:
  web:
    image: nginx
    env_file: [a.env, b.env]
    environment: [HOME_DIR]
)");
  stack.file("a.env", "MODE=a\nHOME_DIR=/a\n").file("b.env", "MODE=b\n");
  stack.environment.variables["HOME_DIR"] = "/home";
  EXPECT_EQ(explained(stack, "services.web.environment"), R"(services.web.environment.MODE = "b"
b.env:1:1: note: it is given here
 1 | MODE=b
   | ^~~~~~
a.env:1:1: note: it overrides the value given here
 1 | MODE=a
   | ^~~~~~

services.web.environment.HOME_DIR = "/home"
compose.yaml:5:19: note: it is given here
 5 |     environment: [HOME_DIR]
   |                   ^~~~~~~~
note: a name alone has the value of the variable
note: variable `HOME_DIR` comes from the shell's environment
a.env:2:1: note: it overrides the value given here
 2 | HOME_DIR=/a
   | ^~~~~~~~~~~
)");
}

TEST(ConfigExplain, TellsOfAVariable) {
  Case stack("services:\n  web:\n    image: nginx:${TAG:-latest}\n");
  EXPECT_EQ(explained(stack, "TAG"), R"(TAG = not set
note: neither the shell nor an env file sets it
compose.yaml:3:12: note: it is used here
 3 |     image: nginx:${TAG:-latest}
   |            ^~~~~~~~~~~~~~~~~~~~
)");
  stack.file(".env", "TAG=1\nTAG=2\n");
  EXPECT_EQ(explained(stack, "TAG").substr(0, 133), R"(TAG = "2"
.env:2:1: note: it is set here
 2 | TAG=2
   | ^~~~~
.env:1:1: note: it overrides the value given here
 1 | TAG=1
   | ^~~~)");
  stack.environment.variables["TAG"] = "3";
  EXPECT_EQ(explained(stack, "TAG").substr(0, 60), "TAG = \"3\"\nnote: it comes from the shell's environment\n.env:2");
}

TEST(ConfigExplain, TellsOfDefaultsAndShortForms) {
  Case stack(R"(x-all: &all
  restart: always
services:
  web:
    <<: *all
    image: nginx
    ports: ["8080:80"]
    env_file: [{path: a.env, required: false}]
)");
  EXPECT_EQ(explained(stack, "web.ports"),
            R"(services.web.ports.0 = {mode: "ingress", target: 80, published: "8080", protocol: "tcp"}
compose.yaml:7:13: note: it is given here
 7 |     ports: ["8080:80"]
   |             ^~~~~~~~~
)");
  EXPECT_EQ(explained(stack, "networks.default.name"), R"(networks.default.name = "shop_default"
note: it is in no file: berth adds it where the files say nothing else
)");
  EXPECT_EQ(explained(stack, "web.restart"), R"(services.web.restart = "always"
compose.yaml:2:12: note: it is given here
 2 |   restart: always
   |            ^~~~~~
compose.yaml:5:9: note: the anchor is used here
 5 |     <<: *all
   |         ^~~~
)");
}

TEST(ConfigExplain, TellsOfResetAndOverride) {
  Case stack(
      "services:\n  web:\n    image: a\n    dns: [1.1.1.1]\n    ports: [\"80:80\"]\n    environment:\n      A:\n");
  stack.file("compose.override.yaml", "services:\n  web:\n    dns: !reset\n    ports: !override [\"81:81\"]\n");
  EXPECT_EQ(explained(stack, "web.dns"), R"(web.dns = not set
compose.override.yaml:3:5: note: `!reset` takes it away here
 3 |     dns: !reset
   |     ^~~
compose.yaml:4:10: note: it was given here
 4 |     dns: [1.1.1.1]
   |          ^
)");
  EXPECT_EQ(explained(stack, "services.web.ports"),
            R"(services.web.ports.0 = {mode: "ingress", target: 81, published: "81", protocol: "tcp"}
compose.override.yaml:4:23: note: it is given here
 4 |     ports: !override ["81:81"]
   |                       ^~~~~~~
compose.yaml:5:12: note: it overrides what is given here
 5 |     ports: ["80:80"]
   |            ^
)");
  EXPECT_NE(explained(stack, "services.web.environment.A").find("compose.yaml:7:7: note"), std::string::npos);
}

TEST(ConfigExplain, SaysWhenThereIsNothing) {
  Case stack("services:\n  web: {image: nginx}\n");
  const auto output = stack.config({"config", "--explain", "services.web.imgae"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.out, "");
  EXPECT_NE(output.err.find("neither the model has a value `services.web.imgae`"), std::string::npos) << output.err;
}

}  // namespace
}  // namespace berth::compose
