// Pages: keys, and the forms of single values.
#include "pages.hpp"

namespace berth::compose {
namespace {

constexpr Page kStructurePages[] = {
    {Code::UnknownKey, "a key that the format does not have",
     R"(A key that is misspelt, or stands too far to the left or right, would be ignored in silence, and the container would run
without it. Keys of your own begin with `x-` and may stand anywhere.)",
     R"(services:
  web:
    image: nginx
    enviroment: {DEBUG: "1"}
)",
     R"(services:
  web:
    image: nginx
    environment: {DEBUG: "1"}
)"},
    {Code::MissingKey, "a structure lacks a key that it needs",
     R"(Some structures mean nothing without one of their keys: a mount without a target, a limit without its number.)",
     R"(services:
  web:
    image: nginx
    volumes:
      - type: bind
        source: ./data
)",
     R"(services:
  web:
    image: nginx
    volumes:
      - type: bind
        source: ./data
        target: /data
)"},
    {Code::EmptyValue, "a key has no value",
     R"(A key with nothing after its colon is null, which most keys cannot be. Often what belongs to the key stands below it but is
not indented, or has been commented out.)",
     R"(services:
  web:
    image: nginx
    ports:
)",
     R"(services:
  web:
    image: nginx
    ports: ["80:80"]
)"},
    {Code::WrongType, "a value is of another kind than its key takes",
     R"(A text where a list is expected, a number where a text is, a list where a map is. A list begins each item with `- `, or
stands in brackets; a map has a key and a colon; a text that looks like a number needs quotes.)",
     R"(services:
  web:
    image: nginx
    cap_add: NET_ADMIN
)",
     R"(services:
  web:
    image: nginx
    cap_add: [NET_ADMIN]
)"},
    {Code::UnknownWord, "a value is none of the words that its key knows",
     R"(The key takes one of a few words; the message names the nearest, or all of them.)",
     R"(services:
  web:
    image: nginx
    depends_on:
      db: {condition: service_helthy}
  db:
    image: mariadb
)",
     R"(services:
  web:
    image: nginx
    depends_on:
      db: {condition: service_healthy}
  db:
    image: mariadb
    healthcheck: {test: ["CMD", "true"]}
)"},
    {Code::OutOfRange, "a number is too small or too large",
     R"(The key takes numbers of a range; the message says where it ends.)",
     R"(services:
  web:
    image: nginx
    oom_score_adj: 2000
)",
     R"(services:
  web:
    image: nginx
    oom_score_adj: 500
)"},
    {Code::ListedTwice, "an item stands twice in a list",
     R"(The items of this list must differ. A second one has no effect, and is often the rest of an edit.)",
     R"(services:
  web:
    image: nginx
    security_opt: [no-new-privileges, no-new-privileges]
)",
     R"(services:
  web:
    image: nginx
    security_opt: [no-new-privileges]
)"},
    {Code::BadName, "a name has letters that names cannot have",
     R"(Services, networks, volumes, secrets and configs have names of letters, digits, `.`, `_` and `-`: they become parts of the
names of containers, of files, and of hosts.)",
     R"(services:
  my web:
    image: nginx
)",
     R"(services:
  my-web:
    image: nginx
)"},
    {Code::ContainerName, "a container name has letters that container names cannot have",
     R"(A container name has at least two of letters, digits, `_`, `.` and `-`, and begins with a letter or digit.)",
     R"(services:
  web:
    image: nginx
    container_name: my web
)",
     R"(services:
  web:
    image: nginx
    container_name: my-web
)"},
    {Code::BadNumber, "a text is not a number",
     R"(The key takes a number. Numbers are written without units and thousands separators.)",
     R"(services:
  web:
    image: nginx
    scale: two
)",
     R"(services:
  web:
    image: nginx
    scale: 2
)"},
    {Code::BadSize, "a text is not a size",
     R"(Sizes are bytes, or a number with a unit: b, k, kb, m, mb, g, gb. They are binary: 1k is 1024 bytes.)",
     R"(services:
  web:
    image: nginx
    mem_limit: 512 megabytes
)",
     R"(services:
  web:
    image: nginx
    mem_limit: 512m
)"},
    {Code::BadDuration, "a text is not a duration",
     R"(Durations are numbers with units: ms, s, m, h, also together (1m30s). A number alone has no unit, and is refused.)",
     R"(services:
  web:
    image: nginx
    stop_grace_period: 30 sec
)",
     R"(services:
  web:
    image: nginx
    stop_grace_period: 30s
)"},
    {Code::BadFileMode, "a text is not a file mode",
     R"(File modes are octal, as chmod takes them: 0440 is read for owner and group.)",
     R"(services:
  web:
    image: nginx
    secrets: [{source: key, mode: r--r-----}]
secrets:
  key: {file: ./key}
)",
     R"(services:
  web:
    image: nginx
    secrets: [{source: key, mode: 0440}]
secrets:
  key: {file: ./key}
)"},
    {Code::BadPort, "a text is not a port",
     R"(A short port is [IP:][HOST:]CONTAINER[/PROTOCOL]. HOST and CONTAINER are numbers up to 65535 or ranges of the same length.
Write ports in quotes: without them, some programs take 22:22 for a time of day.)",
     R"(services:
  web:
    image: nginx
    ports: ["8080:http"]
)",
     R"(services:
  web:
    image: nginx
    ports: ["8080:80"]
)"},
    {Code::BadVolume, "a text is not a volume",
     R"(A short volume is TARGET, SOURCE:TARGET or SOURCE:TARGET:OPTIONS. A source that begins with `.`, `/` or `~` is a path on
this machine, any other is the name of a volume. What has colons in its name needs the long form.)",
     R"(services:
  web:
    image: nginx
    volumes: ["./data:/data:ro:z"]
)",
     R"(services:
  web:
    image: nginx
    volumes: ["./data:/data:ro,z"]
)"},
    {Code::BadDevice, "a text is not a device",
     R"(A short device is HOST, HOST:CONTAINER or HOST:CONTAINER:RIGHTS, where rights are letters of rwm.)",
     R"(services:
  web:
    image: nginx
    devices: ["/dev/fuse:/dev/fuse:r:w:m"]
)",
     R"(services:
  web:
    image: nginx
    devices: ["/dev/fuse:/dev/fuse:rwm"]
)"},
    {Code::BadHost, "a text names no host with its address",
     R"(Items of `extra_hosts` are HOST=IP (or HOST:IP); host-gateway stands for this machine.)",
     R"(services:
  web:
    image: nginx
    extra_hosts: ["db.local"]
)",
     R"(services:
  web:
    image: nginx
    extra_hosts: ["db.local=192.0.2.7"]
)"},
    {Code::MissingValue, "an item has a name but no value",
     R"(Items of this list are NAME=value; there is no place from which a value would be taken.)",
     R"(services:
  web:
    build:
      context: .
      additional_contexts: [docs]
)",
     R"(services:
  web:
    build:
      context: .
      additional_contexts: [docs=./docs]
)"},
    {Code::UnclosedQuote, "a quote in a command is not closed",
     R"(A command in one text is split into words as a shell would; a quote in it must end. A command that is a list is not split.)",
     R"(services:
  web:
    image: nginx
    command: echo it's fine
)",
     R"(services:
  web:
    image: nginx
    command: ["echo", "it's fine"]
)"},
};

}  // namespace

const std::span<const Page> kPagesOfStructure{kStructurePages};

}  // namespace berth::compose
