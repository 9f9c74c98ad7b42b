#include "berth/compose/load.hpp"

#include <gtest/gtest.h>

#include "berth/compose/config.hpp"

namespace berth::compose {
namespace {

struct Case {
  MemoryFiles files;
  LoadOptions options;
  Environment environment;
  Case(std::string yaml) {
    files.files["/p/shop/compose.yaml"] = std::move(yaml);
    options.working_dir = "/p/shop";
  }
  LoadOutcome run() { return load(options, environment, files); }
};

std::string rendered(const LoadOutcome& outcome) {
  std::string text;
  for (const auto& diagnostic : outcome.diagnostics.all()) text += text::render(diagnostic);
  return text;
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

TEST(Load, NamesTheCircleOfDependencies) {
  Case c("services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n");
  EXPECT_NE(rendered(c.run()).find("`a` -> `b` -> `a`"), std::string::npos);
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

TEST(Load, BoundsAliasBombs) {
  std::string bomb = "x-0: &a0 [l, l, l, l, l, l, l, l, l, l]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "x-" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  Case c(bomb);
  EXPECT_EQ(c.run().exit_code, 15);
}

}  // namespace
}  // namespace berth::compose
