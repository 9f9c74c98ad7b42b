// Pages: YAML, files, variables.
#include "pages.hpp"

namespace berth::compose {
namespace {

constexpr Page kTextPages[] = {
    {Code::YamlSyntax, "the text is not YAML",
     R"(The reader of YAML gave up at the marked place; what it did not expect is often the end of a mistake that began a line
or two above: a quote that is not closed, a line that is indented by one space too many, a space that is missing after
a colon. Nothing after that place has been read, so more may be wrong there.)",
     R"(services:
  web:
    image: nginx
     ports: ["80:80"]
)",
     R"(services:
  web:
    image: nginx
    ports: ["80:80"]
)"},
    {Code::TabIndentation, "a line is indented with a tab",
     R"(YAML indents with spaces only: how wide a tab is differs from editor to editor, and the depth of a line is its meaning.
Let the editor put spaces for tabs in files that end in .yaml and .yml.)",
     "services:\n  web:\n\timage: nginx\n", "services:\n  web:\n    image: nginx\n"},
    {Code::KeyNotText, "a key is not a string",
     R"(Keys are names. A number, a boolean or a list in the place of a key is almost always a missing quote, or a space after
the colon of a port, which makes a map out of what should be one text.)",
     R"(services:
  web:
    image: nginx
    ports:
      - 8080: 80
)",
     R"(services:
  web:
    image: nginx
    ports:
      - "8080:80"
)"},
    {Code::DuplicateKey, "a key stands twice in one map",
     R"(One of the two would silently win, and which one differs between programs. Merge the two into one, or rename one.)",
     R"(services:
  web:
    image: nginx
    environment: {A: "1"}
    environment: {B: "2"}
)",
     R"(services:
  web:
    image: nginx
    environment: {A: "1", B: "2"}
)"},
    {Code::MergeNotMap, "`<<` is followed by something that is no map",
     R"(`<<` adds the keys of another map (or of a list of maps) to this one. A text or a list of texts has no keys to add.)",
     R"(x-all: &all [a, b]
services:
  web:
    <<: *all
    image: nginx
)",
     R"(x-all: &all
  restart: always
services:
  web:
    <<: *all
    image: nginx
)"},
    {Code::AnchorCycle, "an anchor contains itself",
     R"(An alias stands for a copy of what its anchor marks. Inside of what it marks, that copy would have no end.)",
     R"(services:
  web: &web
    image: nginx
    x-again: *web
)",
     R"(services:
  web: &web
    image: nginx
  again: *web
)"},
    {Code::BadBase64, "`!!binary` without base64",
     R"(The tag `!!binary` says that the text is bytes in base64: letters, digits, `+`, `/` and `=` at the end.)",
     R"(services:
  web:
    image: nginx
    x-key: !!binary "*** no base64 ***"
)",
     R"(services:
  web:
    image: nginx
    x-key: !!binary "bmdpbng="
)"},
    {Code::NotUtf8, "the file is not UTF-8",
     R"(Compose files are text in UTF-8. A file in another encoding (UTF-16, Latin-1), or no text at all (an archive, an image),
cannot be read. `file compose.yaml` tells what it is, `iconv -f latin1 -t utf-8` converts it.)",
     "$ printf '\\377\\376s' > compose.yaml; berth config",
     "$ iconv -f utf-16 -t utf-8 old.yaml > compose.yaml; berth config"},
    {Code::LimitExceeded, "the files are larger than any stack is",
     R"(Files, the number of values (anchors expanded), their depth, the number of included files and of published ports have
limits, so that a file of a few lines cannot take all of the memory. No stack that people write comes near them.)",
     R"(services:
  web:
    image: nginx
    ports: ["1-60000:1-60000"]
)",
     R"(services:
  web:
    image: nginx
    ports: ["8000-8010:8000-8010"]
)"},
    {Code::NotAComposeFile, "the file is no compose file",
     R"(At its top a compose file is a map whose most important key is `services`. This one is a list or a text.)",
     R"(- web
- db
)",
     R"(services:
  web:
    image: nginx
)"},
    {Code::EmptyFile, "there is nothing in the compose file", R"(The file is empty, or holds comments only.)",
     R"(# services follow later
)",
     R"(services:
  web:
    image: nginx
)"},
    {Code::NoComposeFile, "no compose file was found",
     R"(Without -f and COMPOSE_FILE, berth looks for compose.yaml, compose.yml, docker-compose.yml and docker-compose.yaml, here and
in each folder above. The exit code is 14.)",
     "$ cd /; berth up", "$ cd /srv/shop; berth up"},
    {Code::FileUnreadable, "a file that is named cannot be read",
     R"(A file of -f, COMPOSE_FILE, `include` or `extends` is not there, or may not be read. Relative names start at the current
directory for -f, and at the directory of the file that names them for `include` and `extends`.)",
     R"(include: [lost.yaml]
services:
  web:
    image: nginx
)",
     R"(include: [more.yaml]
services:
  web:
    image: nginx
--- more.yaml
services:
  db:
    image: mariadb
)"},
    {Code::EnvFileMissing, "an env file does not exist",
     R"(`env_file` of a service, `--env-file` and `env_file` of an include must name files that exist: without them the containers
would start with other settings than the file says. A service's env file may be declared as optional. The .env beside
the compose file is optional always.)",
     R"(services:
  web:
    image: nginx
    env_file: web.env
)",
     R"(services:
  web:
    image: nginx
    env_file:
      - path: web.env
        required: false
)"},
    {Code::EnvFileSyntax, "a line of an env file cannot be read",
     R"(An env file has one NAME=value a line; `export` before it, `#` comments, '…' and "…" (over several lines, too) are allowed.
A name has letters, digits, `_`, `.` and `-`, and no space.)",
     R"(services:
  web:
    image: nginx
    env_file: web.env
--- web.env
DEBUG=1
MY NAME=value
)",
     R"(services:
  web:
    image: nginx
    env_file: web.env
--- web.env
DEBUG=1
MY_NAME=value
)"},
    {Code::EnvFileFormat, "an env file has no such format",
     R"(`format: raw` reads each line as it is, without quotes and variables, as `docker run --env-file` does. There is no other word
for `format`; without it, the usual grammar is read.)",
     R"(services:
  web:
    image: nginx
    env_file: [{path: web.env, format: json}]
--- web.env
A=1
)",
     R"(services:
  web:
    image: nginx
    env_file: [{path: web.env, format: raw}]
--- web.env
A=1
)"},
    {Code::VariableUnset, "a variable is not set",
     R"(`$NAME` and `${NAME}` in a compose file are filled in when the file is read, from the shell and the env files, long before
a container runs. A variable that is set nowhere becomes an empty text. Give it a value, a default (`${NAME:-x}`), or
write `$$NAME` where the shell inside of the container is to see `$NAME`.)",
     R"(services:
  web:
    image: nginx
    command: sh -c "echo $GREETING"
)",
     R"(services:
  web:
    image: nginx
    command: sh -c "echo $$GREETING"
)"},
    {Code::RequiredVariable, "a required variable has no value",
     R"(`${NAME:?text}` says that the stack is wrong without the variable; the text says why. Set it in the shell (`export NAME=…`),
or in .env beside the compose file. `:?` refuses an empty value, too; `?` does not.)",
     R"(services:
  db:
    image: mariadb
    environment:
      MYSQL_PASSWORD: ${DB_PASSWORD:?choose one}
)",
     R"(services:
  db:
    image: mariadb
    environment:
      MYSQL_PASSWORD: ${DB_PASSWORD:?choose one}
--- .env
DB_PASSWORD=secret
)"},
    {Code::BadInterpolation, "a `$` begins no variable",
     R"(A variable is `$NAME` or `${NAME}`, with an operator `${NAME:-default}`, `${NAME:?error}`, `${NAME:+other}`. A dollar that is
to stay is written twice. Other tricks of shells (`${NAME/a/b}`, `$(…)`) do not exist in compose files.)",
     R"(services:
  web:
    image: nginx
    command: ["echo", "${NAME/a/b}"]
)",
     R"(services:
  web:
    image: nginx
    command: ["echo", "$${NAME/a/b}"]
)"},
    {Code::ProjectName, "the project's name is none",
     R"(The project's name begins the names of its containers, networks and volumes, so it has lower-case letters, digits, `-` and
`_` only, and begins with a letter or digit. It comes from -p, COMPOSE_PROJECT_NAME, `name:`, or the folder.)",
     "$ berth -p 'My Shop' up", "$ berth -p my-shop up"},
    {Code::IncludeForm, "an include does not say what to include",
     R"(`include` is a list of files; an item is a path, or a map with `path` (and `env_file`, `project_directory`).)",
     R"(include: more.yaml
services:
  web:
    image: nginx
)",
     R"(include: [more.yaml]
services:
  web:
    image: nginx
--- more.yaml
services:
  db:
    image: mariadb
)"},
    {Code::IncludeCycle, "a file includes itself",
     R"(Following the includes leads back to the file where they began. Move what both need to a third file.)",
     R"(include: [more.yaml]
services:
  web:
    image: nginx
--- more.yaml
include: [compose.yaml]
)",
     R"(include: [more.yaml]
services:
  web:
    image: nginx
--- more.yaml
services:
  db:
    image: mariadb
)"},
    {Code::ExtendsForm, "`extends` does not say which service",
     R"(`extends` is the name of a service, or a map with `service` and, where it is in another file, `file`.)",
     R"(services:
  web:
    image: nginx
    extends: {file: base.yaml}
)",
     R"(services:
  web:
    image: nginx
    extends: {file: base.yaml, service: base}
--- base.yaml
services:
  base:
    restart: always
)"},
    {Code::ExtendsCycle, "a service extends itself",
     R"(Following `extends` leads back to the service where it began, so there is no beginning to build on.)",
     R"(services:
  a:
    extends: b
  b:
    extends: a
    image: nginx
)",
     R"(services:
  a:
    extends: b
  b:
    image: nginx
)"},
    {Code::ExtendsMissing, "the service that is extended does not exist",
     R"(The service named by `extends` is not in the file named by it; without `file`, it must be in the same file.)",
     R"(services:
  web:
    image: nginx
    extends: bsae
  base:
    image: nginx
)",
     R"(services:
  web:
    image: nginx
    extends: base
  base:
    image: nginx
)"},
    {Code::VersionObsolete, "`version` means nothing any more",
     R"(The versions 2 and 3 of the format are one since 2020: all keys are known, whatever `version` says. The line can go.)",
     R"(version: "3.8"
services:
  web:
    image: nginx
)",
     R"(services:
  web:
    image: nginx
)"},
    {Code::NoSuchService, "the command line names a service that the file does not have",
     R"(`berth config --services` lists those that it has.)", "$ berth up wbe", "$ berth up web"},
    {Code::SeccompProfile, "a seccomp profile cannot be read",
     R"(`seccomp:FILE` names a profile in JSON, relative to the project's directory. It is read when the stack is brought up.)",
     R"(services:
  web:
    image: nginx
    security_opt: ["seccomp:lost.json"]
)",
     R"(services:
  web:
    image: nginx
    security_opt: ["seccomp:unconfined"]
)"},
};

}  // namespace

const std::span<const Page> kPagesOfText{kTextPages};

}  // namespace berth::compose
