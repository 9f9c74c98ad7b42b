// `images`: what the project's containers were made from.
#include <boost/json.hpp>
#include <set>

#include "berth/image/reference.hpp"
#include "berth/image/store.hpp"
#include "berth/sys/file.hpp"
#include "berth/text/duration.hpp"
#include "commands.hpp"
#include "render/container_view.hpp"
#include "render/table.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

struct UsedImage {
  std::string container, repository = "<none>", tag = "<none>", platform, id, size, created;
  std::int64_t bytes = 0;
  std::string created_at;
};

std::string platform_of(const oci::ImageConfig& config) {
  std::string platform = config.os + "/" + config.architecture;
  return config.variant.empty() ? platform : platform + "/" + config.variant;
}

// An image that is gone from the store is still told by its name and digest.
UsedImage used_image(const engine::ContainerState& state, const image::ImageStore* store,
                     const std::vector<image::ImageSummary>& all, std::int64_t now) {
  UsedImage used;
  used.container = state.spec.name;
  const std::string& digest = state.spec.image_digest.value;
  used.id = digest.substr(digest.find(':') + 1);
  if (const auto reference = image::parse_reference(state.spec.image)) {
    used.repository = reference->repository();
    used.tag = reference->tag.empty() ? "<none>" : reference->tag;
  }
  used.platform = used.size = used.created = "N/A";
  if (!store) return used;
  if (const auto config = store->config(state.spec.image_digest)) used.platform = platform_of(*config);
  for (const auto& image : all)
    if (image.digest == state.spec.image_digest) {
      used.bytes = image.size.bytes;
      used.size = text::format_byte_size(image.size);
      used.created = age_text(image.created_at, now);
      used.created_at =
          text::format_time(std::chrono::system_clock::time_point(std::chrono::nanoseconds(image.created_at)));
    }
  return used;
}

boost::json::object json_of(const UsedImage& used) {
  return {{"ContainerName", used.container}, {"ID", "sha256:" + used.id},
          {"Repository", used.repository},   {"Tag", used.tag},
          {"Platform", used.platform},       {"Size", used.bytes},
          {"Created", used.created_at}};
}

}  // namespace

int run_images(const App& app) {
  const auto containers = stored_containers(app, project_name(app));
  require_services(app, containers, app.line.operands);
  std::optional<image::ImageStore> store;
  if (sys::exists(app.paths.root + "/images")) store.emplace(must(image::ImageStore::open(app.paths.root)));
  const auto all = store ? must(store->list()) : std::vector<image::ImageSummary>();
  const std::int64_t now = now_ns();
  std::vector<std::vector<std::string>> table{
      {"CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"}};
  boost::json::array list;
  std::set<std::string> ids;
  for (const auto& state : containers) {
    if (!is_named(state, app.line.operands)) continue;
    const UsedImage used = used_image(state, store ? &*store : nullptr, all, now);
    if (app.line.options.flag("quiet") && ids.insert(used.id).second) print(used.id + "\n");
    list.push_back(json_of(used));
    table.push_back(
        {used.container, used.repository, used.tag, used.platform, used.id.substr(0, 12), used.size, used.created});
  }
  if (app.line.options.flag("quiet")) return kOk;
  print(app.line.options.text("format") == "json" ? boost::json::serialize(list) + "\n" : format_table(table));
  return kOk;
}

}  // namespace berth::cli
