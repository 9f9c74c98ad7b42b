// Property: what `config` prints loads back to the same model. Files are made from the table of structures, so that a
// key that is added there is tried here.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "berth/model/json.hpp"
#include "case.hpp"
#include "structures.hpp"

namespace berth::compose {
namespace {

// Values that a field must have, or that keep a random file sound; by "structure.field".
const std::map<std::string, std::vector<const char*>> kSound = {
    {"service.image", {"busybox", "registry:5000/a/b:1.2@sha256:00"}},
    {"service.cgroup_parent", {"p"}},
    {"service.container_name", {}},  // names must differ, and forbid a scale
    {"service.scale", {}},
    {"service.cpus", {}},  // must agree with deploy
    {"service.mem_limit", {}},
    {"service.mem_reservation", {}},
    {"service.pids_limit", {}},
    {"service.extends", {}},
    {"service.provider", {}},
    {"service.label_file", {}},  // folded in
    {"service.env_file", {}},
    {"service.network_mode", {}},  // excludes networks
    {"service.ipc", {"host", "private", "shareable"}},
    {"service.pid", {"host"}},
    {"service.uts", {"host"}},
    {"service.platform", {"linux/amd64"}},
    {"service.pull_policy", {"always", "missing", "every_12h"}},
    {"service.restart", {"always", "'no'", "on-failure:3"}},
    {"service.depends_on", {"[other]", "{other: {condition: service_healthy, restart: true, required: false}}"}},
    {"service.links", {"['other:o']"}},
    {"service.volumes_from", {"['other:ro']"}},
    {"service.models", {"[m]", "{m: {endpoint_var: E}}"}},
    {"service.networks", {"[net]", "{net: {aliases: [a], priority: 5}, default: }"}},
    {"service.secrets", {"[sec]", "[{source: sec, target: /t, uid: '1', mode: 0400}]"}},
    {"service.configs", {"[con]", "[{source: con, target: /t, gid: '1', mode: 0440}]"}},
    {"service.volumes",
     {"['vol:/data']", "['./src:/src:ro,z']", "['/anon']", "[{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0755}}]",
      "[{type: volume, source: vol, target: /v, volume: {nocopy: true, subpath: s}}]"}},
    {"service.ports", {"['80:80', '53:53/udp']", "['127.0.0.1:8000-8002:80-82']", "[{target: 80, published: 8-9}]"}},
    {"service.devices", {"['/dev/null:/dev/x:r']"}},
    {"service.dns", {"1.1.1.1", "[1.1.1.1, 'fd00::1']"}},
    {"service.expose", {"[80, '81/udp', '90-92']"}},
    {"service.healthcheck", {"{test: curl x, interval: 1m30s, retries: 3}", "{disable: true}", "{test: [CMD, a]}"}},
    {"service.command", {"a 'b c' \"d\"", "['- x', ': y', '#z', \"l\\n m \\n\", \"\\t\", ' s ', '']", "[]"}},
    {"service.tmpfs", {"/tmp", "['/tmp:size=1m', /run]"}},
    {"service.environment", {"{A: 1, B: , C: 'x y', D: true, E: 1e3, F: '$$x', G: \"a\\nb\\n\", H: \"a\\n\\n\"}"}},
    {"service.blkio_config", {"{weight: 300}"}},
    {"build.dockerfile_inline", {}},
    {"build.additional_contexts", {"{x: ./x}", "['y=docker-image://y']"}},
    {"build.secrets", {"[sec]"}},
    {"build.ssh", {"[default]", "['k=./id']"}},
    {"build.platforms", {"[linux/amd64]"}},
    {"deploy.replicas", {"2"}},
    {"gpu.count", {"1", "all"}},
    {"gpu.device_ids", {}},
    {"gpu.capabilities", {"[gpu]"}},
    {"watch.action", {"rebuild", "restart"}},
    {"watch.target", {"/t"}},
    {"watch.exec", {"{command: a b}"}},
    {"healthcheck.test", {"a"}},
    {"reservations.devices", {"[{capabilities: [gpu], count: 1}]"}},
    {"provider.options", {"{a: b}"}},
};

class Writer {
 public:
  explicit Writer(unsigned seed) : random_(seed) {}

  std::string structure(const std::string& name, int depth) {
    std::string text = "{";
    for (const auto& field : *find_structure(name)) {
      const bool needed = field.required || (name == "service" && field.name == "image");
      if (!needed && random_() % 4) continue;
      if (field.name == "external") continue;
      const auto stated = kSound.find(name + "." + field.name);
      const std::string value = stated == kSound.end()   ? depth < 6 ? of(field, depth + 1) : ""
                                : stated->second.empty() ? ""
                                                         : stated->second[random_() % stated->second.size()];
      if (!value.empty()) text += (text.size() > 1 ? ", " : "") + field.name + ": " + value;
    }
    return text + "}";
  }

  std::string file() {
    return "name: shop\nservices:\n  one: " + service() + "\n  two: " + service() +
           "\n  other: {image: b}\n  off: {image: c, profiles: [off]}\n"
           "networks: {net: " +
           structure("network", 4) + "}\nvolumes: {vol: " + structure("volume", 4) +
           "}\n"
           "secrets: {sec: {file: ./sec, labels: {a: b}}}\nconfigs: {con: {content: \"a\\n  b $$x\\n\"}}\n"
           "models: {m: {model: x, context_size: 5}}\nx-top: {a: [1, 2.5, null, true, '2.5', 0x1f, ~, {b: 'no'}]}\n";
  }

 private:
  std::string service() { return structure("service", 0); }

  std::string of(const Field& field, int depth) {
    const auto one = [&](std::initializer_list<const char*> values) {
      return std::string(values.begin()[random_() % values.size()]);
    };
    if (!field.words.empty()) return field.words[random_() % field.words.size()];
    switch (field.shape) {
      case Shape::Text: return one({"x", "'5'", "'a: b'", "'y'", "'it''s'", "'$$HOME'", "'~'", "'07'", "é"});
      case Shape::Flag:
      case Shape::FlagOrNone: return one({"true", "false", "'yes'"});
      case Shape::StrictFlag:
      case Shape::StrictOrNone: return one({"true", "false"});
      case Shape::Integer:
      case Shape::IntegerOrNone:
      case Shape::WholePart: return one({"5", "'7'", "0"});
      case Shape::WholeNumber: return one({"5", "0"});
      case Shape::Number: return one({"1.5", "2", "0.1"});
      case Shape::Bytes:
      case Shape::WholeBytes: return one({"512m", "1024", "1gb"});
      case Shape::BytesText: return one({"512m", "'1024'"});
      case Shape::Duration:
      case Shape::Pause: return one({"1m30s", "500ms", "2h", "1d"});
      case Shape::Texts:
      case Shape::Scalars: return one({"[a]", "[a, 'b c', '5']"});
      case Shape::TextOrTexts: return one({"a", "[a, b]"});
      case Shape::Pairs: return one({"{a: b, c: 5}", "['a=b=c', d]"});
      case Shape::PairsOrNone: return one({"{a: b, c: 5}", "['a=b=c']"});
      case Shape::NamedTexts:
      case Shape::TextMap: return one({"{a: b, 'x y': '5'}"});
      case Shape::OptionMap:
      case Shape::LooseOptions: return one({"{a: b, c: 5}"});
      case Shape::Hosts: return one({"['h:1.2.3.4', 'i=::1']", "{h: [1.2.3.4, 1.2.3.5]}"});
      case Shape::Command: return one({"a b", "[a, 'b c']"});
      case Shape::IntegerText: return one({"80", "'81'"});
      case Shape::FlagText: return one({"true", "x"});
      case Shape::FileMode: return one({"0440", "'0400'"});
      case Shape::Anything: return {};
      case Shape::Struct: return structure(field.structure, depth);
      case Shape::StructList: return "[" + structure(field.structure, depth) + "]";
      case Shape::StructMap: return field.structure == "ulimit" ? "{nofile: 5, nproc: {soft: 1, hard: 2}}" : "";
    }
    return {};
  }

  std::mt19937 random_;
};

TEST(RoundTrip, WhatConfigPrintsLoadsBackToTheSameModel) {
  int sound = 0;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    Case first(Writer(seed).file());
    first.environment.variables["HOME"] = "/home/u";
    const auto one = first.run();
    if (!one.loaded) {
      ADD_FAILURE() << "seed " << seed << "\n" << first.files.files.begin()->second << rendered(one);
      break;
    }
    ++sound;
    const std::string printed = first.config({"config"}).out;
    Case second(printed);
    second.environment = first.environment;
    auto two = second.run();
    ASSERT_TRUE(two.loaded) << "seed " << seed << "\n" << printed << rendered(two);
    EXPECT_EQ(second.config({"config"}).out, printed) << "seed " << seed;
    auto expected = one.loaded->project;
    expected.disabled_services.clear();  // `config` does not print them
    ASSERT_EQ(model::to_json_text(two.loaded->project), model::to_json_text(expected)) << "seed " << seed << printed;
  }
  EXPECT_EQ(sound, 200);
}

}  // namespace
}  // namespace berth::compose
