// Pages: what contradicts itself, what is not declared, and what this version does not do.
#include "pages.hpp"

namespace berth::compose {
namespace {

constexpr Page kModelPages[] = {
    {Code::EmptyService, "a service says nothing",
     R"(A service needs at least an image or a build. One may be left empty only where another file fills it in.)",
     R"(services:
  web:
)",
     R"(services:
  web:
    image: nginx
)"},
    {Code::NoImage, "a service has nothing to run",
     R"(A service runs an image: one with a name (`image`), or one that is built (`build`).)",
     R"(services:
  web:
    ports: ["80:80"]
)",
     R"(services:
  web:
    build: .
    ports: ["80:80"]
)"},
    {Code::OneSource, "a secret or config has no source, or several",
     R"(A secret comes from a `file` or from a variable (`environment`); a config also from `content`. It is one of them.)",
     R"(services:
  web:
    image: nginx
secrets:
  key: {file: ./key, environment: KEY}
)",
     R"(services:
  web:
    image: nginx
secrets:
  key: {file: ./key}
)"},
    {Code::ExternalKeys, "a volume is external and described, too",
     R"(`external: true` says that the volume exists already, so how it would be made has no meaning. Only `name` goes with it.)",
     R"(services:
  web:
    image: nginx
volumes:
  data: {external: true, driver: local}
)",
     R"(services:
  web:
    image: nginx
volumes:
  data: {external: true, name: shop_data}
)"},
    {Code::ExclusiveKeys, "two keys exclude each other",
     R"(Both keys say the same thing in different words, and the file does not say which one counts.)",
     R"(services:
  web:
    image: nginx
    network_mode: host
    networks: [back]
networks:
  back: {}
)",
     R"(services:
  web:
    image: nginx
    networks: [back]
networks:
  back: {}
)"},
    {Code::DifferentValues, "two keys say different things",
     R"(The same limit or number stands in two places with different values. Newer and older spellings of a key may stand side by
side, but must agree.)",
     R"(services:
  web:
    image: nginx
    mem_limit: 256m
    deploy: {resources: {limits: {memory: 512m}}}
)",
     R"(services:
  web:
    image: nginx
    deploy: {resources: {limits: {memory: 512m}}}
)"},
    {Code::MountTwice, "two mounts have the same target",
     R"(The second mount would hide the first. Volumes of several files with one target are merged; a tmpfs is not.)",
     R"(services:
  web:
    image: nginx
    tmpfs: /data
    volumes: ["data:/data"]
volumes: {data: {}}
)",
     R"(services:
  web:
    image: nginx
    volumes: ["data:/data"]
volumes: {data: {}}
)"},
    {Code::HealthTest, "a health check begins with no known word",
     R"(A test in a list begins with CMD (run the words), CMD-SHELL (run one text with the shell) or NONE. A test that is one text is
run by the shell.)",
     R"(services:
  web:
    image: nginx
    healthcheck: {test: ["curl", "-f", "http://localhost"]}
)",
     R"(services:
  web:
    image: nginx
    healthcheck: {test: ["CMD", "curl", "-f", "http://localhost"]}
)"},
    {Code::RestartPolicy, "a restart policy is none",
     R"(`restart` is no, always, unless-stopped, on-failure or on-failure:N. Another word is taken for `no`, as docker compose does,
so the service is not started again.)",
     R"(services:
  web:
    image: nginx
    restart: allways
)",
     R"(services:
  web:
    image: nginx
    restart: always
)"},
    {Code::UndefinedService, "a service names another that does not exist",
     R"(`depends_on`, `links`, `service:NAME` and the like name services of the same project, by their keys below `services:`.)",
     R"(services:
  web:
    image: nginx
    depends_on: [bd]
  db:
    image: mariadb
)",
     R"(services:
  web:
    image: nginx
    depends_on: [db]
  db:
    image: mariadb
)"},
    {Code::UndefinedResource, "a service uses what the file does not declare",
     R"(Networks, named volumes, secrets, configs and models that a service uses are declared once, at the top level of the file; a
declaration may be empty. A volume that is meant as a directory needs `./` before its name.)",
     R"(services:
  web:
    image: nginx
    volumes: ["data:/data"]
)",
     R"(services:
  web:
    image: nginx
    volumes: ["data:/data"]
volumes:
  data:
)"},
    {Code::InactiveProfile, "a service needs one that is switched off",
     R"(A service with `profiles` is part of the stack only when one of them is active. A service that is part of it cannot depend on
one that is not, unless the dependency is declared as not required.)",
     R"(services:
  web:
    image: nginx
    depends_on: [debug]
  debug:
    image: busybox
    profiles: [debug]
)",
     R"(services:
  web:
    image: nginx
    depends_on:
      debug: {condition: service_started, required: false}
  debug:
    image: busybox
    profiles: [debug]
)"},
    {Code::DependencyCycle, "services depend on each other in a circle",
     R"(Each waits for the other, so none could be the first to start. The notes show the links; one of them has to go. Links,
`volumes_from` and `service:NAME` are dependencies, too.)",
     R"(services:
  a:
    image: nginx
    depends_on: [b]
  b:
    image: nginx
    depends_on: [a]
)",
     R"(services:
  a:
    image: nginx
    depends_on: [b]
  b:
    image: nginx
)"},
    {Code::NoBuild, "a build context names a service that is not built",
     R"(`service:NAME` as a context is the image that NAME builds. For an image with a name, write docker-image://NAME.)",
     R"(services:
  web:
    build:
      context: .
      additional_contexts: {base: "service:db"}
  db:
    image: mariadb
)",
     R"(services:
  web:
    build:
      context: .
      additional_contexts: {base: "docker-image://mariadb"}
  db:
    image: mariadb
)"},
    {Code::ContainerNameTaken, "two containers would have the same name",
     R"(Names of containers are unique on a machine. A service with a `container_name` has one container, and two services cannot
have the same name.)",
     R"(services:
  web:
    image: nginx
    container_name: front
    scale: 3
)",
     R"(services:
  web:
    image: nginx
    scale: 3
)"},
    {Code::Unsupported, "the file asks for what this version does not do",
     R"(The key is valid, and `config` shows it, but the stack would run without what it relies on, so it is refused. The message
says what is missing, and what to do instead where there is something.)",
     R"(services:
  web:
    image: nginx
    gpus: all
)",
     R"(services:
  web:
    image: nginx
)"},
    {Code::NoEffect, "a key has no effect here",
     R"(The key is for a swarm of machines, another operating system, or a part that this version does not have; the stack runs as
well without it. The message is shown when the stack is brought up or built, once for all services.)",
     R"(services:
  web:
    image: nginx
    deploy: {placement: {constraints: ["node.role==manager"]}}
)",
     R"(services:
  web:
    image: nginx
)"},
};

}  // namespace

const std::span<const Page> kPagesOfModel{kModelPages};

}  // namespace berth::compose
