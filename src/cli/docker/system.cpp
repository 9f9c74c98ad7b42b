// `docker system df`, `info`, `version`, `help`.
#include <sys/utsname.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <map>

#include "../front.hpp"
#include "berth/image/store.hpp"
#include "berth/oci/image_config.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/sys/file.hpp"
#include "berth/volume/store.hpp"
#include "docker/commands.hpp"
#include "docker/docker.hpp"
#include "docker/find.hpp"
#include "docker/image_names.hpp"
#include "docker/listing.hpp"
#include "docker/sizes.hpp"
#include "render/container_view.hpp"
#include "render/go_template.hpp"
#include "render/stats_view.hpp"
#include "stack.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

const Listing kDfListing{
    {{"Type", "TYPE"}, {"TotalCount", "TOTAL"}, {"Active", "ACTIVE"}, {"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}},
    "Type"};

struct Usage {
  std::int64_t total = 0, active = 0, size = 0, reclaimable = 0;
};

bj::object df_row(const char* type, const Usage& usage) {
  std::string reclaimable = size_text(usage.reclaimable);
  if (usage.size > 0) reclaimable += " (" + std::to_string(usage.reclaimable * 100 / usage.size) + "%)";
  return {{"Type", type},
          {"TotalCount", std::to_string(usage.total)},
          {"Active", std::to_string(usage.active)},
          {"Size", size_text(usage.size)},
          {"Reclaimable", reclaimable}};
}

void count(Usage& usage, bool active, std::int64_t size, bool held) {
  ++usage.total;
  usage.active += active;
  usage.size += size;
  if (!held) usage.reclaimable += size;
}

// One thing as `df -v` lists it.
struct DfDetail {
  std::vector<std::vector<std::string>> images{{"REPOSITORY", "IMAGE ID", "SIZE", "CONTAINERS"}};
  std::vector<std::vector<std::string>> containers{{"CONTAINER ID", "IMAGE", "STATUS", "SIZE", "NAMES"}};
  std::vector<std::vector<std::string>> volumes{{"VOLUME NAME", "LINKS", "SIZE"}};
};

std::map<std::string, Usage> usage_of(const App& app, DfDetail& detail) {
  std::map<std::string, Usage> usage;
  const auto all = all_containers(app);
  std::map<std::string, int> users;
  for (const auto& one : all) ++users[one.state.spec.image_digest.value];
  std::set<std::string> layers_seen;
  if (sys::exists(app.paths.root + "/images")) {
    auto store = must(image::ImageStore::open(app.paths.root));
    for (const auto& image : must(store.list())) {
      const int used = users.count(image.digest.value) ? users[image.digest.value] : 0;
      std::int64_t own = 0;  // layers that images share are counted once
      for (const auto& layer : must(store.layers(image.digest)))
        if (layers_seen.insert(layer.id.value).second) own += bytes_below(layer.diff);
      count(usage["Images"], used > 0, own, used > 0);
      detail.images.push_back({image.references.empty() ? "<none>" : familiar_name(image.references.front()),
                               hex_of_digest(image.digest).substr(0, 12), size_text(image.size.bytes),
                               std::to_string(used)});
    }
  }
  const std::int64_t now = now_ns();
  for (const auto& one : all) {
    const std::int64_t size = written_by(app, one);
    count(usage["Containers"], is_up(one.state.phase), size, is_up(one.state.phase));
    detail.containers.push_back(
        {short_id(one.state.id), one.state.spec.image, status_text(one.state, now), size_text(size), one.state.name});
  }
  for (const auto& volume : must(volume::VolumeStore(app.paths.root).list())) {
    const auto links = users_of_volume(all, volume.spec.volume.name).size();
    const std::int64_t size = bytes_below(volume.path);
    count(usage["Local Volumes"], links > 0, size, links > 0);
    detail.volumes.push_back({volume.spec.volume.name, std::to_string(links), size_text(size)});
  }
  return usage;
}

bj::object client_version() {
  utsname machine{};
  ::uname(&machine);
  const auto host = oci::host_image_config();
  return {{"Platform", bj::object{{"Name", "berth"}}},
          {"Version", std::string(kDockerLevel)},
          {"Berth", BERTH_VERSION},
          {"ApiVersion", ""},
          {"Os", host.os},
          {"Arch", host.architecture},
          {"KernelVersion", machine.release}};
}

// Compat: {{json .}} and the like of `version` and `info`.
int print_object(const App& app, const bj::object& object, const std::string& text) {
  const std::string format = app.line.options.text("format");
  if (format.empty())
    print(text);
  else if (format == "json")
    print(bj::serialize(object) + "\n");
  else
    print(must(must(GoTemplate::parse(format)).render(bj::value(object))) + "\n");
  return kOk;
}

std::string first_line(const std::string& path, const std::string& key) {
  const auto text = sys::read_file(path, 1u << 16);
  if (!text) return "";
  const auto at = text->find(key);
  if (at == std::string::npos) return "";
  std::string value = text->substr(at + key.size(), text->find('\n', at) - at - key.size());
  if (value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
  return value;
}

}  // namespace

std::string version_line() { return "Docker version " + std::string(kDockerLevel) + " (berth)\n"; }

int run_version(const App& app) {
  const bj::object one = client_version();
  const auto text_of = [&](const char* member) { return std::string(one.at(member).get_string()); };
  std::string text;
  for (const char* side : {"Client", "Server"})
    text += std::string(side) + ": berth\n Version:    " + text_of("Version") +
            "\n Berth:      " BERTH_VERSION "\n OS/Arch:    " + text_of("Os") + "/" + text_of("Arch") + "\n\n";
  text.pop_back();
  return print_object(app, {{"Client", one}, {"Server", one}}, text);
}

int run_info(const App& app) {
  const auto all = all_containers(app);
  std::map<std::string, int> states;
  for (const auto& one : all)
    ++states[is_up(one.state.phase) ? one.state.phase == engine::Phase::Paused ? "paused" : "running" : "stopped"];
  std::size_t images = 0;
  if (sys::exists(app.paths.root + "/images"))
    images = must(must(image::ImageStore::open(app.paths.root)).list()).size();
  utsname machine{};
  ::uname(&machine);
  const auto memory = static_cast<std::int64_t>(parse_mem_total(must(sys::read_file("/proc/meminfo"))));
  const long processors = ::sysconf(_SC_NPROCESSORS_ONLN);
  const std::string system = first_line("/etc/os-release", "PRETTY_NAME=");
  const bool v2 = sys::exists("/sys/fs/cgroup/cgroup.controllers");
  const bj::object object{
      {"Containers", static_cast<std::int64_t>(all.size())},
      {"ContainersRunning", states["running"]},
      {"ContainersPaused", states["paused"]},
      {"ContainersStopped", states["stopped"]},
      {"Images", static_cast<std::int64_t>(images)},
      {"Driver", "overlay2"},
      {"LoggingDriver", "json-file"},
      {"CgroupDriver", "cgroupfs"},
      {"CgroupVersion", v2 ? "2" : "1"},
      {"KernelVersion", machine.release},
      {"OperatingSystem", system},
      {"OSType", "linux"},
      {"Architecture", machine.machine},
      {"NCPU", static_cast<std::int64_t>(processors)},
      {"MemTotal", memory},
      {"DockerRootDir", app.paths.root},
      {"Name", machine.nodename},
      {"ServerVersion", std::string(kDockerLevel)},
      {"Berth", BERTH_VERSION},
      {"DefaultRuntime", "berth"},
      {"LiveRestoreEnabled", true},
      {"Swarm", bj::object{{"LocalNodeState", "inactive"}}},
      {"Plugins", bj::object{{"Volume", bj::array{"local"}}, {"Network", bj::array{"bridge", "host", "null"}}}}};
  std::string text =
      "Client: berth\n Version:    " + std::string(kDockerLevel) +
      "\n\nServer:\n Containers: " + std::to_string(all.size()) + "\n  Running: " + std::to_string(states["running"]) +
      "\n  Paused: " + std::to_string(states["paused"]) + "\n  Stopped: " + std::to_string(states["stopped"]) +
      "\n Images: " + std::to_string(images) + "\n Server Version: " + std::string(kDockerLevel) +
      "\n Storage Driver: overlay2\n Logging Driver: json-file\n Cgroup Version: " + (v2 ? "2" : "1") +
      "\n Kernel Version: " + machine.release + "\n Operating System: " + system +
      "\n OSType: linux\n Architecture: " + machine.machine + "\n CPUs: " + std::to_string(processors) +
      "\n Total Memory: " + binary_size(static_cast<std::uint64_t>(memory)) + "\n Name: " + machine.nodename +
      "\n Docker Root Dir: " + app.paths.root + "\n";
  return print_object(app, object, text);
}

int run_system_df(const App& app) {
  DfDetail detail;
  auto usage = usage_of(app, detail);
  if (app.line.options.flag("verbose")) {
    print("Images space usage:\n\n" + docker_table(detail.images) + "\nContainers space usage:\n\n" +
          docker_table(detail.containers) + "\nLocal Volumes space usage:\n\n" + docker_table(detail.volumes));
    return kOk;
  }
  std::vector<bj::object> rows;
  for (const char* type : {"Images", "Containers", "Local Volumes"}) rows.push_back(df_row(type, usage[type]));
  print_listing(app, kDfListing, rows);
  return kOk;
}

int run_help(const App& app) {
  if (app.line.operands.empty()) {
    print(program_help(docker_grammar()));
    return kOk;
  }
  std::string words = app.line.operands[0];
  if (app.line.operands.size() > 1) words += " " + app.line.operands[1];
  const auto grammar = docker_grammar();
  const Command* command = grammar.find(words);
  for (const auto& spelling : grammar.spellings)
    if (spelling.words == words) command = grammar.find(spelling.command);
  if (!command)
    throw Failure(Error::make(ErrorKind::NotFound, "unknown command `" + words + "`")
                      .with_hint("`docker --help` lists the commands"));
  print(command_help("docker", *command));
  return kOk;
}

}  // namespace berth::cli::docker
