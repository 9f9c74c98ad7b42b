#include "selection.hpp"

#include <utility>

#include "draft.hpp"

namespace berth::plan {

Result<Selection> select_services(const model::Project& project, const UpOptions& options) {
  Selection selection;
  std::vector<std::string> open = options.services;
  if (open.empty())
    for (const auto& [name, service] : project.services) open.push_back(name);
  selection.named.insert(open.begin(), open.end());
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    const auto service = project.services.find(name);
    if (service == project.services.end()) return Error::make(ErrorKind::NotFound, "no such service: `" + name + "`");
    if (!selection.services.insert(name).second || options.no_dependencies) continue;
    for (const auto& dependency : dependencies_of(service->second))
      if (project.services.count(dependency)) open.push_back(dependency);
  }
  return selection;
}

Result<std::set<std::string>> selected_services(const model::Project& project, const UpOptions& options) {
  auto selection = select_services(project, options);
  if (!selection) return selection.error();
  return std::move(selection->services);
}

}  // namespace berth::plan
