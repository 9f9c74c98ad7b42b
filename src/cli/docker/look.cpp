// `docker top`, `stats`, `port`, `diff`, `cp`, `commit`, `export`: what compose's commands of these names do, for
// containers by their names.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "berth/image/store.hpp"
#include "container_work.hpp"
#include "docker/commands.hpp"
#include "docker/find.hpp"
#include "render/container_view.hpp"

namespace berth::cli::docker {
namespace {

std::string address_text(const engine::Publication& one) {
  const bool is_v6 = one.host_ip.find(':') != std::string::npos;
  return (is_v6 ? "[" + one.host_ip + "]" : one.host_ip) + ":" + std::to_string(one.host_port);
}

// What a container's own layer holds, as `diff` lists it: A(dded), C(hanged), D(eleted).
class LayerChanges {
 public:
  LayerChanges(std::string upper, std::vector<std::string> lower)
      : upper_(std::move(upper)), lower_(std::move(lower)) {}

  std::vector<std::string> list() {
    walk("");
    return std::move(lines_);
  }

 private:
  bool is_in_image(const std::string& path) const {
    struct stat status;
    for (const auto& layer : lower_)
      if (::lstat((layer + path).c_str(), &status) == 0) return !is_whiteout(status);
    return false;
  }
  static bool is_whiteout(const struct stat& status) {
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
  }

  // Compat: places of mounts that docker makes below the container's own layer.
  static bool is_mount_point(const std::string& path) {
    return path == "/etc/hostname" || path == "/etc/hosts" || path == "/etc/resolv.conf";
  }

  // Whether it held such places.
  bool walk(const std::string& path) {
    bool had_mount_points = false;
    std::error_code failed;
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(upper_ + path, failed))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      const std::string below = path + "/" + name;
      struct stat status;
      if (::lstat((upper_ + below).c_str(), &status) < 0) continue;  // it has just gone
      if (is_mount_point(below)) {
        had_mount_points = true;
        continue;
      }
      const std::size_t own_line = lines_.size();
      const bool deleted = is_whiteout(status);
      lines_.push_back(std::string(deleted ? "D " : is_in_image(below) ? "C " : "A ") + below);
      if (S_ISDIR(status.st_mode) && walk(below) && lines_.size() == own_line + 1 && lines_.back()[0] == 'C')
        lines_.pop_back();  // changed by the mounts alone
    }
    return had_mount_points;
  }

  std::string upper_;
  std::vector<std::string> lower_, lines_;
};

}  // namespace

int run_top(const App& app) {
  const Found found = require_container(app, app.line.operands[0]);
  if (found.state.phase != engine::Phase::Running && found.state.phase != engine::Phase::Paused)
    throw Failure(Error::make(ErrorKind::Invalid, "container `" + found.state.name + "` is not running"));
  return show_top({found.state}, false);
}

int run_stats(const App& app) {
  std::vector<std::string> ids;
  for (const auto& name : app.line.operands) ids.push_back(require_container(app, name).state.id.value);
  return show_stats(app, [&app, ids] {
    std::vector<engine::ContainerState> containers;
    for (auto& found : all_containers(app))
      if (ids.empty() || std::find(ids.begin(), ids.end(), found.state.id.value) != ids.end())
        containers.push_back(std::move(found.state));
    return containers;
  });
}

int run_port(const App& app) {
  const Found found = require_container(app, app.line.operands[0]);
  std::string wanted = app.line.operands.size() > 1 ? app.line.operands[1] : "";
  if (!wanted.empty() && wanted.find('/') == std::string::npos) wanted += "/tcp";
  std::vector<std::string> lines;
  for (const auto& one : found.state.publications) {
    const std::string port = std::to_string(one.target) + "/" + protocol_word(one.protocol);
    if (wanted.empty())
      lines.push_back(port + " -> " + address_text(one) + "\n");
    else if (port == wanted)
      lines.push_back(address_text(one) + "\n");
  }
  if (lines.empty() && !wanted.empty())
    throw Failure(
        Error::make(ErrorKind::NotFound, "container `" + found.state.name + "` publishes no port `" + wanted + "`"));
  for (const auto& line : lines) print(line);
  return kOk;
}

int run_diff(const App& app) {
  const Found found = require_container(app, app.line.operands[0]);
  const auto images = must(image::ImageStore::open(app.paths.root));
  const auto lower = must(images.lower_directories(found.state.spec.image_digest));
  const std::string upper = app.paths.container(found.project(), found.state.id) + "/upper";
  for (const auto& line : LayerChanges(upper, lower).list()) print(line + "\n");
  return kOk;
}

int run_cp(const App& app) {
  const CopyPlace from = parse_copy_place(app.line.operands[0]), to = parse_copy_place(app.line.operands[1]);
  if (!from.container.empty() && !to.container.empty())
    throw Failure(Error::make(ErrorKind::Unsupported, "copying between containers is not possible")
                      .with_hint("`docker cp A:PATH - | docker cp - B:PATH` does it"));
  if (from.container.empty() && to.container.empty())
    throw Failure(Error::make(ErrorKind::Invalid, "neither of the two is in a container")
                      .with_hint("CONTAINER:PATH names what is in one"));
  if (to.container.empty()) return copy_out_of(app, require_container(app, from.container).stored, from.path, to.path);
  return copy_into(app, {require_container(app, to.container).stored}, from.path, to.path);
}

int run_commit(const App& app) {
  return commit_container(app, require_container(app, app.line.operands[0]).stored,
                          app.line.operands.size() > 1 ? app.line.operands[1] : "");
}

int run_export(const App& app) { return export_container(app, require_container(app, app.line.operands[0]).stored); }

}  // namespace berth::cli::docker
