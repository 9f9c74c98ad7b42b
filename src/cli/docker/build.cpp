// `docker build`: one image of one context.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "berth/base/random.hpp"
#include "berth/base/rollback.hpp"
#include "berth/image/reference.hpp"
#include "berth/image/unpack.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "berth/text/duration.hpp"
#include "build_images.hpp"
#include "compose_files.hpp"
#include "docker/commands.hpp"
#include "docker/env_files.hpp"
#include "docker/images.hpp"

namespace berth::cli::docker {
namespace {

constexpr std::size_t kLargestContextStream = std::size_t{1} << 30;

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(path, failed);
  if (failed) throw Failure(Error::system(failed.value(), "find", path));
  return absolute.lexically_normal().string();
}

// Compressed, or with tar's mark in its first header.
bool is_archive(const std::string& bytes) {
  for (std::string_view magic : {std::string_view("\x1f\x8b"), std::string_view("BZh"),
                                 std::string_view("\xfd"
                                                  "7zXZ"),
                                 std::string_view("\x28\xb5\x2f\xfd")})
    if (bytes.starts_with(magic)) return true;
  return bytes.size() >= 512 && bytes.compare(257, 5, "ustar") == 0;
}

// A context that came as a stream, for as long as the build goes on.
class StreamedContext {
 public:
  StreamedContext(const App& app, const std::string& bytes) : path_(app.paths.root + "/tmp/context-" + random_hex(8)) {
    must(sys::make_directories(path_));
    if (!is_archive(bytes)) return;
    const auto file = must(sys::open(app.paths.root + "/tmp", O_TMPFILE | O_RDWR));
    must(sys::write_all(file.get(), bytes, "the context"));
    if (::lseek(file.get(), 0, SEEK_SET) < 0) throw Failure(Error::system(errno, "read again", "the context"));
    const auto directory = must(sys::open(path_, O_RDONLY | O_DIRECTORY));
    must(image::unpack_archive_in_place(file.get(), directory.get()));
  }
  StreamedContext(const StreamedContext&) = delete;
  ~StreamedContext() { (void)sys::remove_tree(path_); }  // what is left of it goes with the next start
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string read_stdin() {
  if (::isatty(STDIN_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "what is to be built is not read from a terminal")
                      .with_hint("send a Dockerfile or a tar to the standard input"));
  return must(sys::read_all(STDIN_FILENO, "stdin", kLargestContextStream));
}

void add_secret(build::BuildRequest& request, const App& app, const std::string& text) {
  std::map<std::string, std::string> fields;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    fields.insert(split_pair(text.substr(at, comma - at)));
    at = comma + 1;
  }
  const auto field = [&](const char* name) { return fields.count(name) ? fields.at(name) : std::string(); };
  const std::string id = field("id");
  std::string source = field("src").empty() ? field("source") : field("src");
  if (id.empty())
    throw Failure(Error::make(ErrorKind::Invalid, "invalid value `" + text + "` for --secret: it has no id")
                      .with_hint("id=NAME,src=FILE or id=NAME,env=VARIABLE"));
  build::BuildSecret secret;
  const std::string variable = field("env");
  if (!variable.empty() || (source.empty() && app.environment.count(id)))
    secret.content = app.variable(variable.empty() ? id : variable);
  else
    secret.file = absolute_path(source.empty() ? id : source);
  request.secrets[id] = std::move(secret);
}

// What does not depend on where the context comes from.
build::BuildRequest request_of(const App& app) {
  const OptionValues& given = app.line.options;
  build::BuildRequest request;
  request.environment = app.environment;
  for (const auto& text : given.all("build-arg")) {
    const auto [name, value] = split_pair(text);
    request.args[name] = text.find('=') == std::string::npos ? std::nullopt : std::optional(value);
  }
  for (const auto& [name, value] : configured_proxies(app)) request.args.try_emplace(name, value);
  request.target = given.text("target");
  request.labels = labels_of({}, given.all("label"));
  for (const auto& name : given.all("tag")) request.tags.push_back(must(image::parse_reference(name)).to_string());
  for (const auto& text : given.all("build-context")) {
    const auto [name, value] = split_pair(text);
    request.additional_contexts[name] = value.find("://") == std::string::npos ? absolute_path(value) : value;
  }
  for (const auto& text : given.all("add-host")) {
    const auto mark = text.find_first_of("=:");
    if (mark == std::string::npos)
      throw Failure(
          Error::make(ErrorKind::Invalid, "invalid value `" + text + "` for --add-host").with_hint("NAME:IP"));
    request.extra_hosts[text.substr(0, mark)].push_back(text.substr(mark + 1));
  }
  for (const auto& text : given.all("secret")) add_secret(request, app, text);
  request.ssh = given.all("ssh");
  for (const auto& text : given.all("ulimit")) {
    const auto [name, value] = split_pair(text);
    const auto colon = value.find(':');
    model::Ulimit limit;
    limit.soft = std::strtoll(value.c_str(), nullptr, 10);
    limit.hard = colon == std::string::npos ? limit.soft : std::strtoll(value.c_str() + colon + 1, nullptr, 10);
    request.ulimits[name] = limit;
  }
  if (given.given("shm-size")) {
    const auto size = text::parse_byte_size(given.text("shm-size"));
    if (!size)
      throw Failure(Error::make(ErrorKind::Invalid, "invalid value `" + given.text("shm-size") + "` for --shm-size"));
    request.shm_size = *size;
  }
  check_platform(given.text("platform"));
  request.network = given.text("network");
  request.no_cache_filter = given.all("no-cache-filter");
  request.no_cache = given.flag("no-cache");
  request.pull = given.flag("pull");
  request.check_only = given.flag("check");
  return request;
}

int build_image(const App& app) {
  const OptionValues& given = app.line.options;
  build::BuildRequest request = request_of(app);
  must(state::open_roots(app.paths));
  const std::string& context = app.line.operands[0];
  const std::string file = given.text("file");
  std::optional<StreamedContext> streamed;
  if (context == "-") {
    const std::string bytes = read_stdin();
    streamed.emplace(app, bytes);
    request.context = streamed->path();
    if (is_archive(bytes))
      request.dockerfile = file;
    else
      request.dockerfile_inline = bytes;
  } else {
    if (context.find("://") != std::string::npos || context.starts_with("git@"))
      throw Failure(Error::make(ErrorKind::Unsupported, "`" + context + "`: contexts are not fetched")
                        .with_hint("clone it first, and build the directory"));
    request.context = absolute_path(context);
    if (!std::filesystem::is_directory(request.context))
      throw Failure(Error::make(ErrorKind::NotFound, "no such directory: `" + context + "`"));
    if (file == "-")
      request.dockerfile_inline = read_stdin();
    else if (!file.empty())
      request.dockerfile = absolute_path(file);
  }
  BuildSession session(
      app, {.check_only = request.check_only, .quiet = given.flag("quiet") || given.text("progress") == "quiet"});
  const std::string name = request.tags.empty() ? "image" : given.all("tag").front();
  const std::string digest = session.build(request, name, "building the image");
  if (request.check_only) return session.warnings() > 0 ? kFailed : kOk;
  if (const std::string path = given.text("iidfile"); !path.empty())
    must(sys::write_file_atomic(path, digest, sys::Durability::Volatile, 0644));
  if (given.flag("quiet")) print(digest + "\n");
  return kOk;
}

}  // namespace

int run_build(const App& app) {
  // What is being done is shown here.
  App shown = app;
  static constexpr Option kProgress{.name = "progress", .value = ValueKind::Text};
  const std::string mode = app.line.options.text("progress");
  shown.line.globals.replace(kProgress, mode.empty() ? "auto" : mode == "rawjson" ? "json" : mode);
  shown.line.options.replace(kProgress, shown.line.globals.text("progress"));
  try {
    return build_image(shown);
  } catch (const LoadFailed& failed) {  // Compat: 1, whatever it was
    return failed.exit_code == kInterrupted ? kInterrupted : kFailed;
  }
}

}  // namespace berth::cli::docker
