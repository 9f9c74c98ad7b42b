// `export` and `commit`: a container's own files (nothing that is mounted into it) as a tar or as an image.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>

#include "berth/image/reference.hpp"
#include "berth/image/store.hpp"
#include "berth/image/tar_writer.hpp"
#include "berth/local/container_root.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/tree_copy.hpp"
#include "berth/text/duration.hpp"
#include "commands.hpp"
#include "container_work.hpp"
#include "image_changes.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "stored_container.hpp"

namespace berth::cli {
namespace {

state::StoredContainer named_container(const App& app, const ProjectName& project) {
  const long index = app.line.options.number("index").value_or(0);
  return containers_of_service(app, project, app.line.operands[0], index).front();
}

// Labels that say which project a container belongs to would make the image part of it.
std::map<std::string, std::string> own_labels(const std::map<std::string, std::string>& labels) {
  std::map<std::string, std::string> own;
  for (const auto& [key, value] : labels)
    if (!key.starts_with("com.docker.compose.")) own.emplace(key, value);
  return own;
}

// The image's config with what the container had instead.
oci::ImageConfig committed_config(const App& app, oci::ImageConfig config, const engine::ContainerSpec& spec) {
  auto& process = config.config;
  process.env.clear();
  for (const auto& [name, value] : spec.environment) process.env.push_back(name + "=" + value);
  process.entrypoint = spec.entrypoint.empty() ? std::nullopt : std::optional(spec.entrypoint);
  process.cmd = spec.command.empty() ? std::nullopt : std::optional(spec.command);
  process.user = spec.user;
  process.working_dir = spec.working_dir;
  process.labels = own_labels(spec.labels);
  const std::string now = text::format_time(std::chrono::system_clock::now());
  config.created = now;
  config.author = app.line.options.text("author");
  oci::ImageHistory entry;
  entry.created = now;
  entry.author = config.author;
  entry.comment = app.line.options.text("message");
  config.history.push_back(std::move(entry));
  config.diff_ids.clear();
  return config;
}

LayerId commit_upper(image::ImageStore& store, const std::string& upper) {
  auto draft = must(store.begin_layer());
  const auto from = must(sys::open(upper, O_RDONLY | O_DIRECTORY)),
             to = must(sys::open(draft.upper(), O_RDONLY | O_DIRECTORY));
  sys::CopyOptions options;
  options.keep_root_metadata = false;
  options.overlay_marks = true;
  must(sys::copy_tree(from.get(), ".", to.get(), ".", options));
  return must(store.commit_layer(std::move(draft)));
}

int act_on_container(const App& app, const state::ContainerRecord& record, plan::Verb verb) {
  control::Act act;
  act.options.verb = verb;
  act.options.services = {record.spec.service.value};
  act.options.containers = {record.id.value};
  ensure_supervisor(app, record.spec.project);
  return request_of_stack(app, record.spec.project, act);
}

// Holds the container still while its files are copied.
class Stillness {
 public:
  Stillness(const App& app, const state::ContainerRecord& record) : app_(app), record_(record) {
    if (act_on_container(app, record, plan::Verb::Pause) != kOk)
      throw Failure(
          Error::make(ErrorKind::Failed, "the container could not be paused").with_hint("--pause=false does without"));
  }
  Stillness(const Stillness&) = delete;
  void end() {
    ended_ = true;
    act_on_container(app_, record_, plan::Verb::Unpause);
  }
  ~Stillness() {
    if (ended_) return;
    try {
      end();
    } catch (const Failure& failure) {  // already unwinding; `unpause` is the way out
      print_error(failure.error());
    }
  }

 private:
  const App& app_;
  const state::ContainerRecord& record_;
  bool ended_ = false;
};

}  // namespace

int run_export(const App& app) {
  refuse_flags(app.line.globals, {"dry-run"});
  return export_container(app, named_container(app, project_name(app)));
}

int export_container(const App& app, const state::StoredContainer& container) {
  const std::string path = app.line.options.text("output");
  if (path.empty() && ::isatty(STDOUT_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "a tar is nothing for a terminal").with_hint("-o FILE, or a pipe"));
  const auto root = must(local::open_container_root(app.paths, container, local::RootView::Image));
  sys::UniqueFd file;
  if (!path.empty()) file = must(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  const int out = file ? file.get() : STDOUT_FILENO;
  image::TarWriter tar(
      [&](std::string_view bytes) { return sys::write_all(out, bytes, path.empty() ? "stdout" : path); });
  must(image::archive_tree(root.get(), "/", "", tar));
  return kOk;
}

int run_commit(const App& app) {
  refuse_flags(app.line.globals, {"dry-run"});
  return commit_container(app, named_container(app, project_name(app)),
                          app.line.operands.size() > 1 ? app.line.operands[1] : "");
}

int commit_container(const App& app, const state::StoredContainer& container, const std::string& wanted) {
  const auto& record = container.record;
  const std::string name = wanted.empty() ? "" : must(image::parse_reference(wanted)).to_string();
  const auto changes = app.line.options.all("change");
  if (!changes.empty() && name.empty())
    throw Failure(Error::make(ErrorKind::Invalid, "--change needs a name for the image"));
  image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  std::vector<LayerId> layers;
  for (const auto& layer : must(store.layers(record.spec.image_digest))) layers.push_back(layer.id);
  const auto base = must(store.config(record.spec.image_digest));
  const bool running = state::current_state(app.paths, container).phase == engine::Phase::Running;
  std::optional<Stillness> still;
  if (running && app.line.options.text("pause") != "false") still.emplace(app, record);
  layers.push_back(commit_upper(store, app.paths.container(record.spec.project, record.id) + "/upper"));
  if (still) still->end();
  std::vector<std::string> names;
  if (!name.empty()) names.push_back(name);
  auto digest = must(store.put_image(committed_config(app, base, record.spec), layers, names));
  if (!changes.empty()) digest = apply_changes(app, store, digest, name, changes);
  print(digest.value + "\n");
  return kOk;
}

}  // namespace berth::cli
