#include "berth/network/shared_names.hpp"

#include <boost/describe/class.hpp>

#include "berth/sys/file.hpp"
#include "berth/text/json_codec.hpp"

namespace berth::network {

BOOST_DESCRIBE_STRUCT(SharedName, (), (project, ipv4, names))

Result<SharedNames> SharedNames::create(const std::string& run_root, const ProjectName& project) {
  const std::string directory = run_root + "/.shared";  // no project is called so
  BERTH_TRY(sys::make_directories(directory));
  auto watch = sys::Inotify::create();
  if (!watch) return watch.error();
  auto added = watch->add(directory);
  if (!added) return added.error();
  return SharedNames(std::move(*watch), directory, project);
}

Result<void> SharedNames::share(const std::string& network) { return sys::make_directories(path(network)); }

Result<void> SharedNames::unshare(const std::string& network) {
  mine_.erase(network);
  watched_.erase(network);
  return sys::remove_tree(path(network));
}

Result<void> SharedNames::write(const std::string& network, const ContainerId& container,
                                const SharedName& name) const {
  auto written =
      sys::write_file_atomic(path(network) + "/" + container.value, json::encode_text(name), sys::Durability::Volatile);
  if (!written && written.error().kind() == ErrorKind::NotFound) return {};  // nobody shares it
  return written;
}

Result<void> SharedNames::publish(const std::string& network, const ContainerId& container, SharedName name) {
  BERTH_TRY(write(network, container, name));
  mine_[network][container] = std::move(name);
  return {};
}

Result<void> SharedNames::withdraw(const ContainerId& container) {
  for (auto& [network, containers] : mine_)
    if (containers.erase(container)) BERTH_TRY(sys::remove_tree(path(network) + "/" + container.value));
  return {};
}

Result<SharedNames::Others> SharedNames::changes() {
  auto events = watch_.read();
  if (!events) return events.error();
  for (const auto& event : *events) watched_.erase(event.name);  // made anew: everything is written once more
  Others others;
  for (const auto& [network, containers] : mine_) {
    if (containers.empty() || !sys::exists(path(network))) continue;
    if (watched_.insert(network).second) {
      auto added = watch_.add(path(network));
      if (!added) return added.error();
      for (const auto& [container, name] : containers) BERTH_TRY(write(network, container, name));
    }
    auto entries = sys::list_directory(path(network));
    if (!entries) continue;  // it has just gone
    auto& found = others[network];
    for (const auto& entry : *entries) {
      if (entry.find('.') != std::string::npos) continue;  // being written
      auto text = sys::read_file(path(network) + "/" + entry, 1u << 16);
      if (!text) continue;
      auto name = json::decode_text<SharedName>(*text);
      if (name && name->project != project_.value) found[ContainerId(entry)] = std::move(*name);
    }
  }
  return others;
}

}  // namespace berth::network
