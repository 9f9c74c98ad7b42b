// Builds an image from a Dockerfile: the graph of its stages, step by step, over the image store and the runtime. Runs
// in the process that calls it (the CLI), blocks until the image is there, and streams what happens as events.
//
//   BuildRequest request = request_for(*service.build, environment);   // or filled by hand
//   auto outcome = build(request, ports, [&](const BuildEvent& event) { … });
//   if (!outcome) …   // the place, the lines and the last output came before as a Failed event; the Error is one line
//
// Steps whose inputs did not change come from the cache; an unchanged rebuild reads no file of the context but stats
// it. Nothing is left of a step that failed or was cancelled: layers are drafts until committed by rename. Not
// thread-safe: one build at a time per BuildPorts; processes may build beside each other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/byte_size.hpp"
#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"
#include "berth/model/project.hpp"
#include "berth/text/diagnostic.hpp"

namespace berth::image {
class ImageStore;
}

namespace berth::build {

// A build secret: bytes of a file or of a variable, given to `RUN --mount=type=secret,id=…`.
struct BuildSecret {
  std::string file;
  std::optional<std::string> content;
};

struct BuildRequest {
  std::string context;                                     // absolute directory
  std::string dockerfile;                                  // absolute or relative to the context; empty: Dockerfile
  std::string dockerfile_inline;                           // the text itself; then no file is read
  std::map<std::string, std::optional<std::string>> args;  // nothing: from `environment`, dropped where unset there
  std::map<std::string, std::string> environment;          // of the caller, for arguments without value
  std::string target;
  std::map<std::string, std::string> labels;
  std::vector<std::string> tags;                           // all names the image gets
  std::map<std::string, std::string> additional_contexts;  // name -> absolute directory, "docker-image://NAME"
  std::map<std::string, std::vector<std::string>> extra_hosts;
  std::map<std::string, BuildSecret> secrets;  // by id
  std::vector<std::string> ssh;                // "default" (SSH_AUTH_SOCK of `environment`), "ID=SOCKET"
  std::map<std::string, model::Ulimit> ulimits;
  std::vector<std::string> no_cache_filter;  // stages whose steps are done again
  std::vector<std::string> entitlements;     // network.host, security.insecure
  std::string network;                       // "", default, none, host: for RUN
  ByteSize shm_size;                         // 0: 64 MiB
  bool no_cache = false;
  bool pull = false;  // resolve base images anew
  bool privileged = false;
  bool check_only = false;  // read, parse, check; build nothing
};

// What `build:` of a service means. `secrets` by source come from the project.
BuildRequest request_for(const model::Build& build, const std::map<std::string, std::string>& environment,
                         const std::map<std::string, model::FileObject>& project_secrets = {});

// Two services with the same key are one build: everything but tags and labels that differ per service.
std::string definition_key(const BuildRequest& request);

struct BuildEvent {
  enum class Kind {
    Step,     // a step begins: `step` of `total`, `stage`, `text` = the instruction
    Cached,   // the step came from the cache (instead of Done)
    Done,     // the step ended; `duration`
    Output,   // one line a RUN printed, in `text`
    Warning,  // `diagnostic`
    Failed,   // `diagnostic` with the place; `text` = the last lines of output; `exit_code` of a RUN
    Image,    // the image is there: `text` = digest
  };
  Kind kind = Kind::Step;
  std::size_t step = 0;
  std::size_t total = 0;
  std::string stage;  // name, or its number
  std::string text;
  bool from_stderr = false;
  std::optional<int> exit_code;
  std::chrono::nanoseconds duration{0};
  text::Diagnostic diagnostic;
};

using BuildSink = std::function<void(const BuildEvent&)>;

// A Failed event for people. A RUN that failed: its last output, the instruction's lines marked with `>>>`, the
// message. Anything else is the file's mistake: place, line, caret, hint, as any other diagnostic.
std::string render_failure(const BuildEvent& event);

// The network of RUN steps, made by whoever has the network module at hand (`local`). One per RUN; closed by the
// destructor.
class RunNetwork {
 public:
  virtual ~RunNetwork() = default;
  virtual int namespace_fd() const = 0;
  virtual std::string resolv_conf() const = 0;
  virtual std::string host_address() const = 0;  // the host as the step sees it: "host-gateway"
  // Descriptors to poll for reading while the RUN runs (the DNS sockets), and what to do when one is readable.
  virtual std::vector<int> poll_fds() const = 0;
  virtual void on_readable(int fd) = 0;
  // When to call on_readable(-1) though nothing became readable (a forwarded question that was not answered).
  virtual std::optional<std::chrono::steady_clock::time_point> deadline() const { return std::nullopt; }
};

// The shared build network of this root: a namespace of its own for each RUN on the bridge `berth0`, NAT to the
// outside, names through 127.0.0.11, forwarded to the host's servers. The bridge and its table go with their last user.
std::function<Result<std::unique_ptr<RunNetwork>>()> bridge_network(const std::string& root);

struct BuildOutcome {
  ImageDigest digest;
  std::size_t steps = 0;
  std::size_t cached = 0;
};

// The process's exit code for a failed build.
inline constexpr int kBuildFailedExitCode = 17;

// Where layers, images and containers of a build live. Borrowed; outlives the build.
struct BuildPorts {
  image::ImageStore* images = nullptr;  // may be missing where a file is only checked
  std::string root;                     // the store's root, for the context index and cache mounts
  std::string run_root;                 // for mount points of steps
  // Called between steps and whenever a RUN is waited for; true: kill, clean up, ErrorKind::Cancelled.
  std::function<bool()> cancelled;
  // Readable once cancelled() became true (a signalfd or pipe); -1: none.
  int cancel_fd = -1;
  // Fetches an image that is not in the store; empty: such a FROM is an error that says so.
  std::function<Result<void>(const std::string& reference)> pull;
  // Empty: RUN steps of the default network see loopback only, which is said once as a warning.
  std::function<Result<std::unique_ptr<RunNetwork>>()> network;
};

Result<BuildOutcome> build(const BuildRequest& request, BuildPorts& ports, const BuildSink& sink);

}  // namespace berth::build
