// Containers whose namespaces others join: `network_mode: service:web`, `container:NAME`.
#include <fcntl.h>

#include <algorithm>

#include "berth/sys/file.hpp"
#include "engine_state.hpp"

namespace berth::local {
namespace {

bool is_meant(const ContainerId& id, const std::string& name, const std::string& wanted) {
  return name == wanted || (wanted.size() >= 12 && id.value.starts_with(wanted));
}

}  // namespace

// Compat: in the host's network, or with its UTS namespace, a container has the host's name.
std::string hostname_of(const engine::ContainerSpec& spec, const ContainerId& id) {
  if (!spec.hostname.empty()) return spec.hostname;
  if (spec.network_mode == "host" || spec.confinement.uts == "host")
    if (auto name = sys::read_file("/proc/sys/kernel/hostname", 256); name && !name->empty())
      return name->substr(0, name->find('\n'));
  return short_id(id);
}

// Of this stack, else of any: a name is one container's on the whole machine.
Result<Joined> LocalEngine::State::find_joined(const std::string& wanted, const std::string& joiner) const {
  for (const auto& [id, unit] : units)
    if (is_meant(id, unit->record.name, wanted) && unit->is_running() && !unit->launch)
      return Joined{unit->run.pid, paths.container(project, id), hostname_of(unit->spec(), id)};
  for (const auto& other : state::list_projects(paths)) {
    if (other == project) continue;
    for (const auto& stored : state::read_containers(paths, other).containers) {
      if (!is_meant(stored.record.id, stored.record.name, wanted)) continue;
      const auto now = state::current_state(paths, stored);
      if (now.pid != 0) return Joined{now.pid, paths.container(other, now.id), hostname_of(stored.record.spec, now.id)};
    }
  }
  return Error::make(ErrorKind::NotFound,
                     "container `" + wanted + "`, which `" + joiner + "` wants to join, is not running");
}

Result<sys::UniqueFd> open_namespace(const Joined& joined, const char* name) {
  return sys::open("/proc/" + std::to_string(joined.pid) + "/ns/" + name, O_RDONLY);
}

}  // namespace berth::local
