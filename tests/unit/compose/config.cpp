#include <gtest/gtest.h>

#include "case.hpp"

namespace berth::compose {
namespace {

TEST(Config, PrintsFieldsInTheOrderOfDockerCompose) {
  Case c(R"(services:
  web:
    image: a
    ports: ["80:80"]
    command: ["-v", "a: b", "# x", "12:30", "007", "two\nlines\n"]
    volumes: [./src:/src]
    profiles: [p]
    x-note: 1
secrets: {s: {file: ./s}}
)");
  EXPECT_EQ(c.config({"--profile", "p", "--all-resources", "config"}).out, R"(name: shop
services:
  web:
    profiles:
      - p
    command:
      - -v
      - 'a: b'
      - '# x'
      - "12:30"
      - "007"
      - |
        two
        lines
    image: a
    networks:
      default: null
    ports:
      - mode: ingress
        target: 80
        published: "80"
        protocol: tcp
    volumes:
      - type: bind
        source: /p/shop/src
        target: /src
        bind: {}
    x-note: 1
networks:
  default:
    name: shop_default
secrets:
  s:
    name: shop_s
    file: /p/shop/s
)");
}

TEST(Config, JsonHasTheFieldsThatYamlLeavesOut) {
  Case c("services: {a: {image: i, deploy: {replicas: 1, x-d: 1}, x-s: 1}}\nx-top: {a: 1}\nmodels: {m: {model: q}}\n");
  EXPECT_EQ(c.config({"--all-resources", "config", "--format", "json"}).out, R"({
  "name": "shop",
  "networks": {
    "default": {
      "ipam": {},
      "name": "shop_default"
    }
  },
  "services": {
    "a": {
      "command": null,
      "deploy": {
        "placement": {},
        "replicas": 1,
        "resources": {}
      },
      "entrypoint": null,
      "image": "i",
      "networks": {
        "default": null
      }
    }
  },
  "x-top": {
    "a": 1
  }
}
)");
}

// The digest of docker compose over the same service.
TEST(Config, HashesAServiceAsDockerComposeDoes) {
  Case c("services: {cache: {image: redis, build: ., scale: 1, depends_on: [db]}, db: {image: db}}\n");
  EXPECT_EQ(c.config({"config", "--hash", "cache"}).out,
            "cache 12a5cec450c1bda54df1971ae5e7d78f63a83d86ad5ad41c9e3fc1c339519104\n");
  EXPECT_EQ(c.config({"config", "--hash", "cahce"}).exit_code, 1);
}

TEST(Config, ShowsTheMergedFilesWhereNothingIsInterpolated) {
  Case c("services:\n  a: {image: \"i:${TAG}\", profiles: [p], env_file: e, depends_on: [gone]}\nvolumes: {v: }\n");
  EXPECT_EQ(c.config({"config", "--no-interpolate"}).out, R"(name: shop
networks:
  default:
    name: shop_default
services:
  a:
    depends_on:
      gone:
        condition: service_started
        required: true
    env_file:
      - path: /p/shop/e
        required: true
    image: i:${TAG}
    networks:
      default: null
    profiles:
      - p
volumes:
  v:
    name: shop_v
)");
}

TEST(Config, ShowsValuesAsTheyAreWrittenWhereNothingIsInterpolated) {
  Case c(R"(services:
  a:
    image: i
    command: run "${A} b"
    environment: ["A=${B}", C=d]
    ports: ["${P}:80", "81:81"]
    mem_limit: 1g
    shm_size: ${S}
    stop_grace_period: 90s
    healthcheck: {test: curl x}
)");
  c.file("over.yaml", "services: {a: {environment: {E: 1}, stop_grace_period: 2m}}\n");
  EXPECT_EQ(c.config({"-f", "compose.yaml", "-f", "over.yaml", "config", "--no-interpolate"}).out, R"(name: shop
networks:
  default:
    name: shop_default
services:
  a:
    command: run "${A} b"
    environment:
      - A=${B}
      - C=d
      - E=1
    healthcheck:
      test: curl x
    image: i
    mem_limit: 1g
    networks:
      default: null
    ports:
      - ${P}:80
      - "81:81"
    shm_size: ${S}
    stop_grace_period: 2m
)");
}

TEST(Config, CompatibilityNamesWithUnderscores) {
  Case c("services: {web: {build: .}, db: {image: x}}\n");
  EXPECT_EQ(c.config({"--compatibility", "config", "--images"}).out, "shop_web\nx\n");
  EXPECT_EQ(c.config({"config", "--images"}).out, "shop-web\nx\n");
  EXPECT_EQ(c.config({"--compatibility", "config"}).out,
            "name: shop\nservices:\n  db:\n    image: x\n  web:\n    build:\n      context: /p/shop\n");
  c.environment.variables["COMPOSE_COMPATIBILITY"] = "1";
  EXPECT_EQ(c.run().loaded->project.separator, "_");
}

TEST(Config, WritesNumbersAsGoDoes) {
  Case c(
      "services: {a: {image: a, cpus: 1.23456789, environment: {A: 1e10, B: 1000000.5, C: 123456.0, D: 1e-4, "
      "E: 0.00001, F: 12345678901234567890}}}\n");
  const auto outcome = c.run();
  ASSERT_TRUE(outcome.loaded) << rendered(outcome);
  const auto& environment = outcome.loaded->project.services.at("a").environment;
  EXPECT_EQ(environment.at("A"), "1e+10");
  EXPECT_EQ(environment.at("B"), "1.0000005e+06");
  EXPECT_EQ(environment.at("C"), "123456");
  EXPECT_EQ(environment.at("D"), "0.0001");
  EXPECT_EQ(environment.at("E"), "1e-05");
  EXPECT_EQ(environment.at("F"), "12345678901234567890");
  EXPECT_NE(c.config({"config"}).out.find("cpus: 1.2345679\n"), std::string::npos);
}

}  // namespace
}  // namespace berth::compose
