#include "stored_container.hpp"

#include <algorithm>

#include "stack.hpp"

namespace berth::cli {

std::vector<state::StoredContainer> containers_of_service(const App& app, const ProjectName& project,
                                                          const std::string& service, long index, bool one_offs) {
  auto stored = state::read_containers(app.paths, project);
  for (const Error& damaged : stored.damaged) print_warning(damaged.to_string() + ", continuing without it");
  std::vector<engine::ContainerState> states;
  for (const auto& container : stored.containers) states.push_back(state::current_state(app.paths, container));
  require_services(app, states, {service});
  auto& all = stored.containers;
  std::erase_if(all, [&](const auto& container) {
    const auto& spec = container.record.spec;
    return spec.service.value != service || (spec.one_off && !one_offs) || (index > 0 && spec.number != index);
  });
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair(a.record.spec.one_off, a.record.spec.number) <
           std::pair(b.record.spec.one_off, b.record.spec.number);
  });
  if (!all.empty()) return std::move(all);
  throw Failure(Error::make(ErrorKind::NotFound, "service `" + service + "` has no container" +
                                                     (index > 0 ? " number " + std::to_string(index) : "")));
}

}  // namespace berth::cli
