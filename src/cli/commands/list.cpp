// `ls`, `port`, `volumes`: from what is on disk, without a supervisor.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <set>

#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "berth/volume/store.hpp"
#include "commands.hpp"
#include "render/container_view.hpp"
#include "render/table.hpp"
#include "render/template.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

struct ListedProject {
  std::string name, status, files;
};

// "exited(1), running(2)"; empty where nothing is to be shown.
ListedProject listed_project(const App& app, const ProjectName& name, bool all) {
  std::map<std::string, int> counts;
  std::set<std::string> files;
  for (const auto& state : stored_containers(app, name)) {
    if (state.spec.one_off) continue;
    const std::string word = state_word(state.phase);
    if (all || word == "running") ++counts[word];
    const auto label = state.spec.labels.find("com.docker.compose.project.config_files");
    if (label != state.spec.labels.end()) files.insert(label->second);
  }
  ListedProject project{name.value, "", ""};
  for (const auto& [word, count] : counts)
    project.status += (project.status.empty() ? "" : ", ") + word + "(" + std::to_string(count) + ")";
  for (const auto& file : files) project.files += (project.files.empty() ? "" : ",") + file;
  return project;
}

std::vector<std::string> name_filters(const OptionValues& options) {
  std::vector<std::string> names;
  for (const auto& filter : options.all("filter")) {
    if (!filter.starts_with("name="))
      throw Failure(Error::make(ErrorKind::Invalid, "unknown filter `" + filter + "`")
                        .with_hint("`name=...` is the only filter"));
    names.push_back(filter.substr(5));
  }
  return names;
}

}  // namespace

int run_ls(const App& app) {
  const auto filters = name_filters(app.line.options);
  std::vector<std::vector<std::string>> table{{"NAME", "STATUS", "CONFIG FILES"}};
  boost::json::array list;
  for (const auto& name : state::list_projects(app.paths)) {
    if (!filters.empty() && std::none_of(filters.begin(), filters.end(),
                                         [&](const auto& part) { return name.value.find(part) != std::string::npos; }))
      continue;
    const auto project = listed_project(app, name, app.line.options.flag("all"));
    if (project.status.empty()) continue;
    if (app.line.options.flag("quiet")) print(project.name + "\n");
    table.push_back({project.name, project.status, project.files});
    list.push_back({{"Name", project.name}, {"Status", project.status}, {"ConfigFiles", project.files}});
  }
  if (app.line.options.flag("quiet")) return kOk;
  print(app.line.options.text("format") == "json" ? boost::json::serialize(list) + "\n" : format_table(table));
  return kOk;
}

int run_port(const App& app) {
  const std::string &service = app.line.operands[0], &text = app.line.operands[1];
  std::string protocol = app.line.options.text("protocol");
  const auto slash = text.find('/');
  if (slash != std::string::npos) protocol = text.substr(slash + 1);
  const char* end = text.data() + (slash == std::string::npos ? text.size() : slash);
  std::uint16_t port = 0;
  const auto [stopped, failed] = std::from_chars(text.data(), end, port);
  if (failed != std::errc() || stopped != end || port == 0)
    throw Failure(Error::make(ErrorKind::Invalid, "`" + text + "` is not a port"));
  const auto containers = stored_containers(app, project_name(app));
  require_services(app, containers, {service});
  const long index = app.line.options.number("index").value_or(0);
  for (const auto& state : containers) {
    if (state.spec.one_off || state.spec.service.value != service || (index != 0 && state.spec.number != index))
      continue;
    if (state.phase != engine::Phase::Running && state.phase != engine::Phase::Paused)
      throw Failure(Error::make(ErrorKind::NotFound, "container `" + state.name + "` is not running"));
    for (const auto& publication : state.publications) {
      if (publication.target != port || protocol != protocol_word(publication.protocol)) continue;
      const bool is_v6 = publication.host_ip.find(':') != std::string::npos;
      print((is_v6 ? "[" + publication.host_ip + "]" : publication.host_ip) + ":" +
            std::to_string(publication.host_port) + "\n");
      return kOk;
    }
    throw Failure(Error::make(ErrorKind::NotFound, "container `" + state.name + "` publishes no port " +
                                                       std::to_string(port) + "/" + protocol));
  }
  throw Failure(Error::make(ErrorKind::NotFound, "service `" + service + "` has no container" +
                                                     (index > 0 ? " number " + std::to_string(index) : "")));
}

int run_volumes(const App& app) {
  const ProjectName project = project_name(app);
  const auto containers = stored_containers(app, project);
  if (!app.line.operands.empty()) require_services(app, containers, app.line.operands);
  std::set<std::string> used;
  for (const auto& state : containers)
    for (const auto& mount : state.spec.mounts)
      if (mount.type == model::MountType::Volume && is_named(state, app.line.operands)) used.insert(mount.source);
  const std::string format = app.line.options.text("format");
  const auto rows = must(parse_format(format));
  std::vector<std::vector<std::string>> table{{"DRIVER", "VOLUME NAME"}};
  std::vector<TemplateRow> lines;
  for (const auto& volume : must(volume::VolumeStore(app.paths.root).list())) {
    const std::string& name = volume.spec.volume.name;
    const bool ours = volume.spec.project == project && !volume.spec.key.empty();
    if (app.line.operands.empty() ? !ours : used.count(name) == 0) continue;
    Template::Fields fields{{"Driver", "local"},
                            {"Mountpoint", volume.path},
                            {"Name", name},
                            {"Project", volume.spec.project.value},
                            {"Scope", "local"}};
    boost::json::object json;
    for (const auto& [key, value] : fields) json.emplace(key, value);
    lines.push_back({std::move(fields), boost::json::serialize(json)});
    table.push_back({"local", name});
  }
  if (app.line.options.flag("quiet"))
    for (const auto& line : lines) print(line.fields.at("Name") + "\n");
  else if (rows)
    print(must(format_rows(*rows, lines, {{"Name", "VOLUME NAME"}})));
  else if (format == "json")
    for (const auto& line : lines) print(line.json + "\n");
  else
    print(format_table(table));
  return kOk;
}

}  // namespace berth::cli
