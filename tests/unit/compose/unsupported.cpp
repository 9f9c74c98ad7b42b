// What is refused or said where something would run: the whole text of each diagnostic.
#include <gtest/gtest.h>

#include "case.hpp"

namespace berth::compose {
namespace {

std::string said(const std::string& yaml, Purpose purpose) {
  Case c(yaml);
  c.options.purpose = purpose;
  return rendered(c.run());
}

TEST(Unsupported, PointsAtTheKeyThatWouldMislead) {
  const std::string yaml = R"(services:
  web:
    image: a
    build:
      context: .
      platforms: [linux/s390x]
    gpus: all
    deploy:
      placement: {constraints: [a]}
  db:
    image: b
    deploy:
      placement: {constraints: [a]}
)";
  EXPECT_EQ(
      said(yaml, Purpose::Run),
      R"(compose.yaml:6:19: error: service `web`: `build.platforms` is not supported: images are built for this machine only [unsupported]
 6 |       platforms: [linux/s390x]
   |                   ^~~~~~~~~~~
compose.yaml:7:5: error: service `web`: `gpus` is not supported: there is no driver that would give a GPU to a container [unsupported]
 7 |     gpus: all
   |     ^~~~
compose.yaml:9:7: warning: service `web` (and 1 more): `deploy.placement` has no effect: it is read by a swarm only, and this is a single host [no-effect]
 9 |       placement: {constraints: [a]}
   |       ^~~~~~~~~
)");
  EXPECT_EQ(
      said(yaml, Purpose::Build),
      R"(compose.yaml:6:19: error: service `web`: `build.platforms` is not supported: images are built for this machine only [unsupported]
 6 |       platforms: [linux/s390x]
   |                   ^~~~~~~~~~~
)");
  EXPECT_EQ(said(yaml, Purpose::Show), "");
}

// One of each row: service text, whether it stops the stack, what the message says.
TEST(Unsupported, KnowsWhatHasNoEffect) {
  struct Row {
    const char* service;
    const char* severity;
    const char* about;
  };
  const Row kRows[] = {
      {"build: {context: ., additional_contexts: {x: 'https://x/y.git'}}", "error", "`build.additional_contexts`"},
      {"build: {context: ., additional_contexts: {x: 'oci-layout://y'}}", "error", "`build.additional_contexts`"},
      {"build: {context: 'https://x/y.git'}", "error", "`build.context`"},
      {"build: {context: ., platforms: [linux/s390x]}", "error", "`build.platforms`"},
      {"build: {context: ., cache_from: [x]}", "warning", "`build.cache_from`"},
      {"build: {context: ., cache_to: [x]}", "warning", "`build.cache_to`"},
      {"build: {context: ., isolation: x}", "warning", "`build.isolation`"},
      {"build: {context: ., provenance: true}", "warning", "`build.provenance`"},
      {"build: {context: ., sbom: true}", "warning", "`build.sbom`"},
      {"pre_start: [{image: a, command: b}]", "error", "`pre_start`"},
      {"provider: {type: x}", "error", "`provider`"},
      {"models: [m]", "error", "`models`"},
      {"use_api_socket: true", "error", "`use_api_socket`"},
      {"gpus: all", "error", "`gpus`"},
      {"deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}", "error",
       "`deploy.resources.reservations.devices`"},
      {"runtime: nvidia", "error", "`runtime`"},
      {"platform: linux/s390x", "error", "`platform`"},
      {"credential_spec: {file: x}", "error", "`credential_spec`"},
      {"blkio_config: {weight: 100}", "error", "`blkio_config`"},
      {"storage_opt: {size: 1g}", "error", "`storage_opt`"},
      {"cgroup_parent: x", "error", "`cgroup_parent`"},
      {"cpu_rt_period: 5", "error", "`cpu_rt_period`"},
      {"cpu_rt_runtime: 5", "error", "`cpu_rt_runtime`"},
      {"userns_mode: private", "error", "`userns_mode`"},
      {"uts: 'service:b'", "error", "`uts`"},
      {"network_mode: bridge", "error", "`network_mode`"},
      {"volumes: [{type: image, source: i, target: /t}]", "error", "`volumes.type`"},
      {"volumes: [{type: bind, source: /a, target: /t, bind: {recursive: disabled}}]", "error",
       "`volumes.bind.recursive`"},
      {"devices: ['vendor.com/gpu=0']", "error", "`devices.source`"},
      {"networks: {default: {ipv6_address: '::2'}}", "error", "`networks.ipv6_address`"},
      {"networks: {default: {link_local_ips: [169.254.1.1]}}", "error", "`networks.link_local_ips`"},
      {"networks: {default: {driver_opts: {a: b}}}", "error", "`networks.driver_opts`"},
      {"secrets: [far]", "error", "`secrets.source`"},
      {"configs: [far]", "error", "`configs.source`"},
      {"networks: [odd]", "error", "network `odd`: `ipam.driver`"},
      {"networks: [six]", "error", "network `six`: `enable_ipv6`"},
      {"networks: [options]", "error", "network `options`: `ipam.options`"},
      {"secrets: [driven]", "error", "secret `driven`: `driver`"},
      {"configs: [driven]", "error", "config `driven`: `template_driver`"},
      {"develop: {watch: [{path: ., action: rebuild}]}", "warning", "`develop`"},
      {"isolation: x", "warning", "`isolation`"},
      {"cpu_count: 5", "warning", "`cpu_count`"},
      {"cpu_percent: 5", "warning", "`cpu_percent`"},
      {"volumes: ['/a:/b:z']", "warning", "`volumes.bind.selinux`"},
      {"volumes: [{type: bind, source: /a, target: /b, consistency: cached}]", "warning", "`volumes.consistency`"},
      {"volumes: [{type: volume, target: /b, volume: {labels: {a: b}}}]", "warning", "`volumes.volume.labels`"},
      {"deploy: {mode: global}", "warning", "`deploy.mode`"},
      {"deploy: {labels: {a: b}}", "warning", "`deploy.labels`"},
      {"deploy: {endpoint_mode: vip}", "warning", "`deploy.endpoint_mode`"},
      {"deploy: {update_config: {parallelism: 1}}", "warning", "`deploy.update_config`"},
      {"deploy: {rollback_config: {parallelism: 1}}", "warning", "`deploy.rollback_config`"},
      {"deploy: {resources: {reservations: {cpus: '1'}}}", "warning", "`deploy.resources.reservations.cpus`"},
      {"deploy: {restart_policy: {delay: 1s}}", "warning", "`deploy.restart_policy.delay`"},
      {"deploy: {restart_policy: {window: 1s}}", "warning", "`deploy.restart_policy.window`"},
      {"networks: [open]", "warning", "network `open`: `attachable`"},
  };
  const std::string rest =
      ", image: x}, b: {image: y}}\nmodels: {m: {model: q}}\n"
      "networks: {odd: {ipam: {driver: x}}, options: {ipam: {options: {a: b}}}, six: {enable_ipv6: true}, open: "
      "{attachable: true}}\n"
      "secrets: {far: {external: true}, driven: {file: ./s, driver: x}}\n"
      "configs: {far: {external: true}, driven: {file: ./s, template_driver: x}}\n";
  for (const auto& row : kRows) {
    const std::string yaml = "services: {a: {" + std::string(row.service) + rest;
    Case c(yaml);
    c.options.purpose = Purpose::Run;
    const auto outcome = c.run();
    ASSERT_EQ(outcome.diagnostics.all().size(), 1u) << row.service << "\n" << rendered(outcome);
    const auto& diagnostic = outcome.diagnostics.all()[0];
    EXPECT_NE(diagnostic.message.find(row.about), std::string::npos) << diagnostic.message;
    EXPECT_EQ(diagnostic.severity == text::Severity::Error, row.severity == std::string("error")) << row.service;
    EXPECT_TRUE(bool(diagnostic.span)) << row.service;
    EXPECT_EQ(bool(outcome.loaded), row.severity == std::string("warning")) << row.service;
    EXPECT_EQ(said(yaml, Purpose::Show), "") << row.service;
  }
}

TEST(Unsupported, SaysNothingAboutWhatWorks) {
  EXPECT_EQ(said("services:\n  a:\n    image: x\n    runtime: runc\n    userns_mode: host\n    links: [b, 'b:db']\n"
                 "    deploy: {mode: replicated, replicas: 1, resources: {limits: {memory: 1g}}}\n"
                 "    volumes: ['v:/v', '/a:/b:ro', '/t']\n    ipc: host\n    pull_policy: missing\n"
                 "  b: {image: y, network_mode: none, build: {context: ., network: host}}\n"
                 "  c: {image: y, network_mode: 'service:a', platform: linux}\nvolumes: {v: {}}\n",
                 Purpose::Run),
            "");
}

}  // namespace
}  // namespace berth::compose
