#include "berth/compose/load.hpp"

#include <gtest/gtest.h>

#include "case.hpp"

namespace berth::compose {
namespace {

TEST(Load, KeepsServicesThatWereNotSelectedAside) {
  Case c("services: {web: {image: a}, db: {image: b}, odd: {image: c, profiles: [odd]}}");
  c.options.services = {"web"};
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  const auto& project = outcome.loaded->project;
  EXPECT_EQ(project.services.size(), 1u);
  EXPECT_TRUE(project.disabled_services.count("db")) << "its containers would count as orphans";
  EXPECT_TRUE(project.disabled_services.count("odd"));
}

TEST(Load, MergesTheCommandLineOverTheFiles) {
  Case c("services: {web: {image: a, ports: ['80:80'], environment: {A: file, B: file}}}");
  c.options.services = {"web"};
  c.options.over_name = "<flags>";
  c.options.over_text = "services:\n  web:\n    ports: !override ['81:81']\n    environment: {A: $$line}\n";
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  const auto& web = outcome.loaded->project.services.at("web");
  ASSERT_EQ(web.ports.size(), 1u);
  EXPECT_EQ(web.environment.at("A"), "$line");
  EXPECT_EQ(web.environment.at("B"), "file");
  EXPECT_EQ(outcome.loaded->project.config_files.size(), 1u) << "the label names files";
}

TEST(Load, TheCommandLineMakesNoServices) {
  Case c("services: {web: {image: a}}");
  c.options.services = {"wbe"};
  c.options.over_text = "services: {wbe: {user: '7'}}";
  const auto outcome = c.run();
  EXPECT_FALSE(outcome.loaded);
  EXPECT_NE(rendered(outcome).find("did you mean `web`?"), std::string::npos) << rendered(outcome);
}

TEST(Load, MakesAProjectFromWhatPeopleWrite) {
  Case c(R"(services:
  web:
    container_name: web
    build: {context: ./, dockerfile: Dockerfile.prod}
    command: gunicorn mysite.wsgi --bind 0.0.0.0:8000
    environment: {DEBUG: 0, MODE: "${MODE:-prod}"}
    env_file: [.env]
    volumes: [static:/static, ./src:/src:ro]
    expose: [8000]
    entrypoint: [sh, entry.sh]
  nginx:
    build: ./nginx
    ports: ["8080:80"]
    depends_on: [web]
    volumes: [static:/static]
volumes:
  static:
)");
  c.files.files["/p/shop/.env"] = "SECRET=x\nDEBUG=1\n";
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  const auto& project = outcome.loaded->project;
  EXPECT_EQ(project.name.value, "shop");
  const auto& web = project.services.at("web");
  EXPECT_EQ(web.build->context, "/p/shop");
  EXPECT_EQ(web.build->dockerfile, "Dockerfile.prod");
  EXPECT_EQ(web.command->size(), 4u);
  EXPECT_EQ(web.environment.at("DEBUG"), "0");
  EXPECT_EQ(web.environment.at("MODE"), "prod");
  EXPECT_EQ(web.environment.at("SECRET"), "x");
  EXPECT_EQ(web.volumes.at(0).source, "static");
  EXPECT_EQ(web.volumes.at(1).source, "/p/shop/src");
  EXPECT_TRUE(web.volumes.at(1).read_only);
  const auto& nginx = project.services.at("nginx");
  EXPECT_EQ(nginx.ports.at(0).published, "8080");
  EXPECT_EQ(nginx.depends_on.count("web"), 1u);
  EXPECT_EQ(project.networks.at("default").name, "shop_default");
  EXPECT_EQ(project.volumes.at("static").name, "shop_static");
}

TEST(Load, ReportsAllErrorsWithTheirPlaces) {
  Case c(
      "services:\n  web:\n    image: a\n    enviroment:\n      A: 1\n    ports: \"80:80\"\n    depends_on: [bd]\n  "
      "db:\n    image: b\n");
  const auto outcome = c.run();
  EXPECT_EQ(outcome.exit_code, 15);
  const std::string text = rendered(outcome);
  EXPECT_NE(text.find("compose.yaml:4:5: error: unknown key `enviroment` in service `web`"), std::string::npos) << text;
  EXPECT_NE(text.find("did you mean `environment`?"), std::string::npos) << text;
  EXPECT_NE(text.find("compose.yaml:6:12: error:"), std::string::npos) << text;
}

TEST(Load, NamesTheCircleOfDependenciesOnce) {
  Case c("services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n");
  const auto outcome = c.run();
  EXPECT_EQ(outcome.diagnostics.all().size(), 1u);
  EXPECT_NE(rendered(outcome).find("`a` -> `b` -> `a`"), std::string::npos);
}

TEST(Load, ExitsWith14WhereThereIsNoFile) {
  Case c("");
  c.files.files.clear();
  EXPECT_EQ(c.run().exit_code, 14);
}

TEST(Load, MergesOverridesAndResets) {
  Case c("services:\n  a:\n    image: x\n    ports: ['80:80']\n    environment: {A: 1}\n");
  c.files.files["/p/shop/o.yaml"] = "services:\n  a:\n    ports: !reset []\n    environment: [B=2]\n";
  c.options.files = {"compose.yaml", "o.yaml"};
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  EXPECT_TRUE(outcome.loaded->project.services.at("a").ports.empty());
  EXPECT_EQ(outcome.loaded->project.services.at("a").environment.size(), 2u);
}

// Ten kilobytes that would cost gigabytes; each is refused with its place.
TEST(Limits, AreSaid) {
  std::string bomb = "x-0: &a0 [l, l, l, l, l, l, l, l, l, l]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "x-" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  std::string ports = "services: {a: {image: x, ports: ['1-20001:1-20001'";
  for (int i = 0; i < 300; ++i) ports += ", '1-65535:1-65535'";
  const std::pair<std::string, const char*> kHostile[] = {
      {bomb, "values once their anchors are expanded"},
      {ports + "]}}\n", "more than 20000 ports are published"},
      {"x-a: " + std::string(5000, '[') + std::string(5000, ']') + "\n", "nested too deeply"},
      {"services: {a: {image: '" + std::string(1, '$') + "{A:-" +
           [] {
             std::string text;
             for (int i = 0; i < 1500; ++i) text += "${A:-";
             return text + std::string(1500, '}');
           }() +
           "}'}}\n",
       "nested too deeply"},
      {"services: {a: {image: \"\xff\"}}\n", "not UTF-8 text"},
      {std::string("services:\0", 10), "not UTF-8 text"},
  };
  for (const auto& [text, message] : kHostile) {
    const auto outcome = Case(text).run();
    EXPECT_EQ(outcome.exit_code, 15) << message;
    EXPECT_NE(rendered(outcome).find(message), std::string::npos) << rendered(outcome).substr(0, 500);
  }
}

TEST(Limits, IncludesThatFanOutEnd) {
  Case c("include: [a0.yaml]\n");
  for (int i = 0; i < 20; ++i) {
    const std::string next = "a" + std::to_string(i + 1) + ".yaml";
    c.file("a" + std::to_string(i) + ".yaml", "include: [" + next + ", " + next + ", " + next + "]\n");
  }
  c.file("a20.yaml", "services: {a: {image: x}}\n");
  const auto outcome = c.run();
  EXPECT_EQ(outcome.exit_code, 15);
  EXPECT_EQ(outcome.diagnostics.all().size(), 1u);
  EXPECT_NE(rendered(outcome).find("is included more than 50 times"), std::string::npos) << rendered(outcome);
}

TEST(Limits, ServicesThatExtendManyCopiesEnd) {
  std::string text = "services:\n  b: {image: i, environment: {";
  for (int i = 0; i < 500; ++i) text += "k" + std::to_string(i) + ": v, ";
  text += "z: z}}\n";
  for (int i = 0; i < 400; ++i) text += "  s" + std::to_string(i) + ": {extends: b}\n";
  EXPECT_NE(rendered(Case(text).run()).find("what services extend"), std::string::npos);
  std::string chain = "services:\n";
  for (int i = 0; i < 2000; ++i) chain += "  s" + std::to_string(i) + ": {extends: s" + std::to_string(i + 1) + "}\n";
  EXPECT_NE(rendered(Case(chain).run()).find("extend each other in a row"), std::string::npos);
}

TEST(Limits, AVariableThatGrowsEnds) {
  std::string bomb = "A0=lol\n";
  for (int i = 1; i < 60; ++i) {
    bomb += "A" + std::to_string(i) + "=";
    for (int k = 0; k < 10; ++k) bomb += "$A" + std::to_string(i - 1);
    bomb += "\n";
  }
  Case c("services: {a: {image: x, env_file: e}}\n");
  c.file("e", bomb);
  EXPECT_NE(rendered(c.run()).find("longer than 1 MiB"), std::string::npos);
  Case doubled("services: {a: {image: x}}\n");
  std::string lines = "A=aaaaaaaaaaaaaaaa\n";
  for (int i = 0; i < 500; ++i) lines += "A=$A$A\n";
  doubled.file(".env", lines);
  EXPECT_NE(rendered(doubled.run()).find("MiB"), std::string::npos);
}

TEST(Limits, AChainOfDependenciesMayBeAsLongAsTheFile) {
  std::string text = "services:\n";
  for (int i = 0; i < 20'000; ++i)
    text += "  s" + std::to_string(i) + ": {image: i, depends_on: [s" + std::to_string(i + 1) + "]}\n";
  text += "  s20000: {image: i}\n";
  EXPECT_TRUE(Case(text).run().loaded);
}

TEST(Extends, AFileIsReadOnceAndEachOfItsServicesIsAsItWasWritten) {
  Case c(
      "services:\n  a: {extends: {file: d/b.yaml, service: a}}\n  b: {extends: {file: d/b.yaml, service: b}}\n"
      "  c: {extends: {file: d/b.yaml, service: a}, command: c}\n");
  c.file("d/b.yaml",
         "services:\n  base: {image: i, dns: [1.1.1.1], build: ./x}\n  a: {extends: base, dns: !override [2.2.2.2]}\n"
         "  b: {extends: base, dns: !reset, build: !reset}\n");
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  const Node& services = *outcome.loaded->tree.find("services");
  EXPECT_EQ(services.find("a")->find("dns")->items.at(0).text, "2.2.2.2");
  EXPECT_EQ(services.find("a")->find("build")->find("context")->text, "/p/shop/d/x");
  EXPECT_FALSE(services.find("b")->find("dns"));
  EXPECT_FALSE(services.find("b")->find("build"));
  EXPECT_EQ(services.find("c")->find("dns")->items.size(), 1u);
}

TEST(Limits, ARangeOfAMediaServerIsNoAttack) {
  const auto outcome = Case("services: {a: {image: x, ports: ['10000-20000:10000-20000/udp']}}\n").run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  EXPECT_EQ(outcome.loaded->project.services.at("a").ports.size(), 10001u);
}

TEST(Load, MergesListsByWhatTheyStandFor) {
  Case c(
      "services:\n  a:\n    image: x\n    devices: ['/a:/x']\n    deploy:\n      resources:\n        reservations:\n"
      "          devices: [{capabilities: [gpu], count: 1}]\n"
      "networks: {default: {ipam: {config: [{subnet: 10.0.0.0/24}, {subnet: 10.2.0.0/24, gateway: 10.2.0.1}]}}}\n");
  c.file("o.yaml",
         "services:\n  a:\n    devices: ['/b:/x']\n    deploy:\n      resources:\n        reservations:\n"
         "          devices: [{capabilities: [tpu], count: 2}]\n"
         "networks: {default: {ipam: {config: [{subnet: 10.1.0.0/24}, {subnet: 10.2.0.0/24}]}}}\n");
  c.options.files = {"compose.yaml", "o.yaml"};
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  const auto& devices = outcome.loaded->project.services.at("a").confinement.devices;
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].source, "/b");
  const auto& pools = outcome.loaded->project.networks.at("default").ipam;
  ASSERT_EQ(pools.size(), 2u);
  EXPECT_EQ(pools[0].subnet, "10.1.0.0/24");
  EXPECT_EQ(pools[1].gateway, "10.2.0.1");
  const Node* reservations = outcome.loaded->tree.find("services")->find("a")->find("deploy")->find("resources");
  EXPECT_EQ(reservations->find("reservations")->find("devices")->items.size(), 2u);
}

TEST(Load, ReadsLabelFilesWithoutTheEnvironment) {
  Case c("services: {a: {image: x, label_file: l}}\n");
  c.file("l", "A=1\nB=${A}${SET}\n").environment.variables["SET"] = "x";
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  EXPECT_EQ(outcome.loaded->project.services.at("a").labels.at("B"), "1");
}

TEST(Load, TakesProfilesFromTheEnvironmentWithSpaces) {
  Case c("services: {a: {image: x, profiles: [p]}, b: {image: x, profiles: [q]}}\n");
  c.environment.variables["COMPOSE_PROFILES"] = "p, q";
  EXPECT_EQ(c.run().loaded->project.services.size(), 2u);
}

TEST(Load, DecodesBinaryScalars) {
  Case c("services: {a: {image: x, environment: {A: !!binary aGk=}}}\n");
  EXPECT_EQ(c.run().loaded->project.services.at("a").environment.at("A"), "hi");
  EXPECT_EQ(Case("x-a: !!binary '***'\nservices: {a: {image: x}}\n").run().exit_code, 15);
}

// What one file must not say twice, or not in this way; the message names it.
TEST(Load, RefusesWhatContradictsItself) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"cpus: 1, deploy: {resources: {limits: {memory: 1g}}}", "`deploy.resources.limits.cpus` is missing here"},
      {"pids_limit: 5, deploy: {resources: {limits: {pids: 6}}}", "`deploy.resources.limits.pids` differ"},
      {"mem_reservation: 1g, deploy: {resources: {reservations: {memory: 2g}}}", "differ"},
      {"build: {context: ., platforms: [linux/arm64]}, platform: linux/amd64", "must include its `platform`"},
      {"build: {context: ., additional_contexts: {x: 'service:b'}}", "which has no `build`"},
      {"build: {context: ., additional_contexts: {x: 'service:c'}}", "undefined service `c`"},
      {"build: {context: ., ssh: default}", "must be a list or a map"},
      {"cgroup: hots", "did you mean `host`?"},
      {"environment: ", "`services.a.environment` must be a map or a list of `KEY=value`, not nothing"},
      {"group_add: [a, a]", "`a` is listed twice"},
      {"deploy: {resources: {limits: {memory: 5}}}", "write it in quotes: \"5\""},
      {"devices: [{source: /a}]", "needs `target`"},
      {"ports: [{target: 80, host_ip: x}]", "is not an IP address"},
      {"logging: {options: {a: true}}", "a string or number"},
      {"use_api_socket: 'yes'", "true or false"},
      {"networks: {default: {priority: '5'}}", "without quotes"},
      {"build: {context: ., ssh: [key]}", "names no key"},
      {"build: {context: ., secrets: [gone]}", "secret `gone`"},
      {"pull_policy: every_", "no pull policy"},
      {"oom_score_adj: 2000", "must be at most 1000, not 2000"},
  };
  for (const auto& [service, message] : kWrong) {
    Case c("services: {a: {image: x, " + std::string(service) + "}, b: {image: y}}\n");
    const auto outcome = c.run();
    EXPECT_EQ(outcome.exit_code, 15) << service;
    EXPECT_NE(rendered(outcome).find(message), std::string::npos) << rendered(outcome);
  }
}

TEST(Load, ChecksWhatTheFilesMakeTogether) {
  Case c("services: {a: {image: x, depends_on: {b: {condition: service_healthy, required: false}}}, b: {image: y}}\n");
  c.file("o.yaml", "services: {a: {image: , depends_on: {b: {restart: true}}}}\n");
  c.options.files = {"compose.yaml", "o.yaml"};
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  const auto& service = outcome.loaded->project.services.at("a");
  EXPECT_EQ(service.image, "x");
  EXPECT_TRUE(service.depends_on.at("b").restart);
  EXPECT_FALSE(service.depends_on.at("b").required);
  EXPECT_EQ(service.depends_on.at("b").condition, model::DependencyCondition::Healthy);
}

TEST(Load, ChecksEachFileWithThoseBeforeItAndSaysItOnce) {
  Case c("services: {a: {image: , tty: }}\n");
  c.file("o.yaml", "services: {a: {image: x}}\n");
  c.options.files = {"compose.yaml", "o.yaml"};
  const auto outcome = c.run();
  EXPECT_EQ(outcome.exit_code, 15);
  EXPECT_EQ(outcome.diagnostics.all().size(), 2u) << rendered(outcome);
}

TEST(Load, AResetOfTheSameFileLeavesWhatComesAfterIt) {
  Case c("services: {a: {image: x, environment: {A: 1}}, b: {image: y, ports: !reset ['1:1']}}\n");
  c.file("o.yaml",
         "services: {a: {environment: !reset {}}, b: {ports: ['2:2']}}\n---\n"
         "services: {a: {environment: {B: 2}}}\n");
  c.options.files = {"compose.yaml", "o.yaml"};
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  const auto& environment = outcome.loaded->project.services.at("a").environment;
  EXPECT_EQ(environment.size(), 1u);
  EXPECT_TRUE(environment.count("B"));
  ASSERT_EQ(outcome.loaded->project.services.at("b").ports.size(), 1u);
  EXPECT_EQ(outcome.loaded->project.services.at("b").ports[0].published, "2");
}

TEST(Load, RefusesTwoMountsAtOnePath) {
  Case c("services: {a: {image: x, tmpfs: /data, volumes: ['vol:/data']}}\nvolumes: {vol: }\n");
  EXPECT_NE(rendered(c.run()).find("mounts two things at `/data`"), std::string::npos);
}

TEST(Load, TakesTheTextOfASeccompProfileAlongWhereItRuns) {
  Case c("services: {web: {image: a, security_opt: ['seccomp:profiles/own.json', 'seccomp=unconfined']}}\n");
  c.file("profiles/own.json", "{}");
  EXPECT_EQ(c.run().loaded->project.services.at("web").confinement.security_opt.front(), "seccomp:profiles/own.json");
  c.options.purpose = Purpose::Run;
  const auto outcome = c.run();
  EXPECT_EQ(outcome.loaded->project.services.at("web").confinement.security_opt,
            (std::vector<std::string>{"seccomp:{}", "seccomp=unconfined"}));
  Case missing("services: {web: {image: a, security_opt: ['seccomp:lost.json']}}\n");
  missing.options.purpose = Purpose::Run;
  EXPECT_NE(rendered(missing.run()).find("seccomp profile `lost.json`: "), std::string::npos);
}

}  // namespace
}  // namespace berth::compose
