// What is said over a stack's control.sock. Each struct is one message; JSON by description (text/json_codec.hpp),
// members that hold their default left out, unknown members ignored: fields are only ever added.
//
//   client                              supervisor
//   Hello{protocol, build}        ──▶
//                                 ◀──   HelloReply{protocol, build, pid, accepted}
//   Up | Down | Act | Exec | Run | Attach | Follow | Wait | Watch | Shutdown     one request a connection
//                                 ◀──   Queued*, Event*, Attached, LogLine*, Exited*, LogsBehind*, Happened*,
//                                 ExecStarted,
//                                       Problem*
//   Cancel | Signal | Detach      ──▶   while it runs
//                                 ◀──   Done{ok, exit_code}       always last; then the server closes
//
// A client that goes away: Up, Down, Act carry on; an Exec or Run goes on without it, its stdin closed. Only a program
// in an Exec's terminal is hung up, as by any terminal that goes away.
//
// Versions: protocol numbers differ only where old and new cannot talk. A server refuses another protocol in its
// HelloReply and then takes nothing but Shutdown: Hello, HelloReply, Shutdown, Problem and Done are frozen from
// protocol 1 (kinds and fields). A client of a newer build than the server's sends Shutdown, waits for Done, and
// connects again: the keeper starts the installed program.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/engine/container.hpp"
#include "berth/engine/event.hpp"
#include "berth/logs/entry.hpp"
#include "berth/model/project.hpp"
#include "berth/plan/options.hpp"

namespace berth::control {

inline constexpr int kProtocol = 1;

// Client to server
// ------------------------------------------------------------------------------------------------------

struct Hello {
  int protocol = 0;
  std::string build;  // version and build id of the program, compared for equality only
  bool operator==(const Hello&) const = default;
};

struct Up {
  model::Project project;
  plan::UpOptions options;
  std::map<std::string, engine::ImageFacts> images;  // by reference as the services name it
  bool attach =
      false;  // stay after the plan is done: LogLine and Exited of the containers until Cancel or the last one ended
  std::vector<std::string> attach_services;  // whose lines are wanted; empty: those with `attach: true` in the project
  bool no_lines = false;                     // attached, but nobody's lines are wanted
  bool abort_on_exit = false;                // stop everything when one container ends
  bool abort_on_failure = false;             // ... when one ends with another code than 0
  std::string exit_code_from;                // service whose code becomes Done.exit_code
  std::optional<plan::Duration> wait_timeout;  // with options.wait: give up after that long
  bool operator==(const Up&) const = default;
};

struct Down {
  std::optional<model::Project> project;  // as the files say now, with all their volumes; nothing: as it was last up
  plan::DownOptions options;
  bool remove_run =
      false;  // all of the project goes: the pair ends, and the client removes the run directory under the lock
  bool operator==(const Down&) const = default;
};

struct Act {
  plan::VerbOptions options;
  std::optional<plan::Duration> wait_timeout;  // with options.wait: give up after that long
  bool operator==(const Act&) const = default;
};

struct TerminalSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  bool operator==(const TerminalSize&) const = default;
};

// Descriptors: {stdin, stdout, stderr} that become the program's own; none with `detach` or `terminal`. Never a
// terminal of the client: a program could type into it. With `terminal` ExecStarted brings the master of a terminal
// that was made in the container; the client reads, writes and resizes it itself.
struct Exec {
  ContainerId container;  // or service + index
  std::string service;
  int index = 0;  // 0: the first that runs
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "K=V", added to the container's
  std::string user;
  std::string working_dir;
  std::optional<TerminalSize> terminal;
  bool privileged = false;
  bool detach = false;
  bool operator==(const Exec&) const = default;
};

// A one-off container. `project` holds the service with the command line's overrides (command, entrypoint, environment,
// user, volumes, ports, labels …) already applied: the server creates one container of it as it stands. Descriptors:
// stdin (where `interactive` and no `terminal`), then write ends of pipes that get a copy of stdout and stderr (of the
// terminal: one), closed when all of it was written; none with `detach`. With `terminal` ExecStarted brings its master,
// for input and size; reading it would take bytes from the log.
struct Run {
  model::Project project;
  std::string service;
  std::map<std::string, engine::ImageFacts> images;
  std::string name;  // container name; empty: proj-svc-run-<12 hex>
  bool no_dependencies = false;
  bool service_ports = false;  // else the project's service has no ports but those of -p
  bool use_aliases = false;
  bool remove = false;      // --rm
  bool interactive = true;  // stdin is connected
  bool detach = false;
  bool remove_orphans = false;
  std::optional<TerminalSize> terminal;
  bool standalone = false;  // `docker run`: no one-off of a service but the service's own container, with its restart
                            // policy, and without compose's labels and names
  bool no_start = false;    // `docker create`
  bool operator==(const Run&) const = default;
};

// To a running container: descriptors are write ends of pipes that get a copy of what it prints from now on (stdout and
// stderr; of a terminal one). ExecStarted brings what leads to its stdin, where it has one: a pipe, or its terminal's
// master. Signals go to its process; Done has its exit code. One client at a time.
struct Attach {
  ContainerId container;  // or service + index
  std::string service;
  int index = 0;       // 0: the first that runs
  bool start = false;  // `docker start -a`: it is started now, so that nothing that it prints is missed
  bool operator==(const Attach&) const = default;
};

// Live lines and exits of what runs, and of containers that are created later. What was written before is in the files.
struct Follow {
  std::vector<std::string> services;  // empty: all
  bool until_all_ended = false;
  bool operator==(const Follow&) const = default;
};

// `wait`: Exited for each service's container; Done.exit_code is the last one's.
struct Wait {
  std::vector<std::string> services;
  std::vector<std::string> containers;  // ids: these instead
  bool down_project = false;
  bool operator==(const Wait&) const = default;
};

struct Signal {      // to the process of this connection's Exec or Run
  std::string name;  // "TERM", "SIGTERM" or a number
  bool operator==(const Signal&) const = default;
};

struct Detach {  // leaves the terminal of an Exec or Run; what runs there goes on
  bool operator==(const Detach&) const = default;
};

struct Cancel {  // Ctrl-C: stop gracefully what this connection's request does; with force (the second one): kill
  bool force = false;
  bool operator==(const Cancel&) const = default;
};

struct Shutdown {  // a newer build is installed: finish the queue, answer Done, exit; containers stay
  std::string build;
  bool operator==(const Shutdown&) const = default;
};

// `events`: Happened for what happens to the project's containers, until Cancel.
struct Watch {
  std::vector<std::string> services;  // empty: all
  std::int64_t since = 0;             // nanoseconds since 1970; 0: from now on, else what is still known from then on
  std::int64_t until = 0;             // 0: for ever
  bool until_all_ended = false;       // Done once nothing of it runs or is to be restarted
  bool operator==(const Watch&) const = default;
};

// Server to client
// ------------------------------------------------------------------------------------------------------

struct HelloReply {
  int protocol = 0;
  std::string build;
  int pid = 0;
  bool accepted = false;
  std::string reason;  // why not
  bool operator==(const HelloReply&) const = default;
};

struct Queued {
  std::string behind;  // "`up` (pid 1234)"
  bool operator==(const Queued&) const = default;
};

struct EventMessage {
  engine::Event event;
  bool operator==(const EventMessage&) const = default;
};

struct LogLine {
  std::string container;  // name
  std::string service;
  logs::Stream stream = logs::Stream::Stdout;
  std::int64_t time = 0;
  std::string text;              // valid UTF-8, with its newline unless it is a piece of a long line
  std::uint64_t generation = 0;  // logs::Position of the line in the container's log file
  std::uint64_t offset = 0;
  bool operator==(const LogLine&) const = default;
};

// This client read too slowly: live lines of that container have ended for it. It goes on in the file, from the
// position on.
struct LogsBehind {
  std::string container;
  std::string service;
  std::string path;  // of the log file
  std::uint64_t generation = 0;
  std::uint64_t offset = 0;
  bool operator==(const LogsBehind&) const = default;
};

struct ExecStarted {
  std::string id;
  int pid = 0;
  bool operator==(const ExecStarted&) const = default;
};

struct Exited {
  std::string container;
  std::string service;
  int code = 0;
  bool restarting = false;  // its restart policy starts it again
  bool oom_killed = false;
  bool operator==(const Exited&) const = default;
};

// The plan of an attached Up is done; what follows are lines and exits.
struct Attached {
  bool operator==(const Attached&) const = default;
};

struct Happened {
  std::int64_t time = 0;  // nanoseconds since 1970, wall clock
  std::string action;  // docker's word: create, start, die, kill, stop, pause, unpause, restart, rename, destroy, oom
  ContainerId id;
  std::string service;
  std::map<std::string, std::string> attributes;  // name, image, exitCode, signal
  bool operator==(const Happened&) const = default;
};

struct Problem {
  std::string text;
  std::string hint;
  std::string key;  // as Error::key(): the client has the file and shows the place
  bool operator==(const Problem&) const = default;
};

struct Done {
  bool ok = true;
  int exit_code = 0;
  std::vector<Problem> errors;
  bool operator==(const Done&) const = default;
};

// The number on the wire is the index in this list + 1: append only.
using Message = std::variant<Hello, HelloReply, Shutdown, Problem, Done, Up, Down, Act, Exec, Run, Follow, Wait, Signal,
                             Detach, Cancel, Queued, EventMessage, LogLine, LogsBehind, ExecStarted, Exited, Watch,
                             Attached, Happened, Attach>;

std::uint16_t kind_of(const Message& message) noexcept;
const char* name_of(const Message& message) noexcept;
std::string encode(const Message& message);
// Unknown kinds and JSON of another shape are Protocol errors.
Result<Message> decode(std::uint16_t kind, std::string_view json);

// An Error as it is shown: message and hint.
Problem problem_of(const Error& error);

BOOST_DESCRIBE_STRUCT(Hello, (), (protocol, build))
BOOST_DESCRIBE_STRUCT(Up, (),
                      (project, options, images, attach, attach_services, no_lines, abort_on_exit, abort_on_failure,
                       exit_code_from, wait_timeout))
BOOST_DESCRIBE_STRUCT(Down, (), (project, options, remove_run))
BOOST_DESCRIBE_STRUCT(Act, (), (options, wait_timeout))
BOOST_DESCRIBE_STRUCT(TerminalSize, (), (rows, columns))
BOOST_DESCRIBE_STRUCT(Exec, (),
                      (container, service, index, argv, environment, user, working_dir, terminal, privileged, detach))
BOOST_DESCRIBE_STRUCT(Run, (),
                      (project, service, images, name, no_dependencies, service_ports, use_aliases, remove, interactive,
                       detach, remove_orphans, terminal, standalone, no_start))
BOOST_DESCRIBE_STRUCT(Attach, (), (container, service, index, start))
BOOST_DESCRIBE_STRUCT(Follow, (), (services, until_all_ended))
BOOST_DESCRIBE_STRUCT(Wait, (), (services, containers, down_project))
BOOST_DESCRIBE_STRUCT(Signal, (), (name))
BOOST_DESCRIBE_STRUCT(Detach, (), ())
BOOST_DESCRIBE_STRUCT(Cancel, (), (force))
BOOST_DESCRIBE_STRUCT(Shutdown, (), (build))
BOOST_DESCRIBE_STRUCT(HelloReply, (), (protocol, build, pid, accepted, reason))
BOOST_DESCRIBE_STRUCT(Queued, (), (behind))
BOOST_DESCRIBE_STRUCT(EventMessage, (), (event))
BOOST_DESCRIBE_STRUCT(LogLine, (), (container, service, stream, time, text, generation, offset))
BOOST_DESCRIBE_STRUCT(LogsBehind, (), (container, service, path, generation, offset))
BOOST_DESCRIBE_STRUCT(ExecStarted, (), (id, pid))
BOOST_DESCRIBE_STRUCT(Exited, (), (container, service, code, restarting, oom_killed))
BOOST_DESCRIBE_STRUCT(Watch, (), (services, since, until, until_all_ended))
BOOST_DESCRIBE_STRUCT(Attached, (), ())
BOOST_DESCRIBE_STRUCT(Happened, (), (time, action, id, service, attributes))
BOOST_DESCRIBE_STRUCT(Problem, (), (text, hint, key))
BOOST_DESCRIBE_STRUCT(Done, (), (ok, exit_code, errors))

}  // namespace berth::control
