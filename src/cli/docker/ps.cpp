// `docker ps`: the containers of all projects.
#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "berth/image/store.hpp"
#include "berth/sys/file.hpp"
#include "berth/text/duration.hpp"
#include "docker/commands.hpp"
#include "docker/find.hpp"
#include "docker/image_names.hpp"
#include "docker/listing.hpp"
#include "docker/ps_filter.hpp"
#include "docker/sizes.hpp"
#include "render/container_view.hpp"
#include "stack.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

const Listing kPsListing{{{"ID", "CONTAINER ID"},
                          {"Image", "IMAGE"},
                          {"Command", "COMMAND"},
                          {"RunningFor", "CREATED"},
                          {"Status", "STATUS"},
                          {"Ports", "PORTS"},
                          {"Names", "NAMES"},
                          {"Size", "SIZE", false},
                          {"CreatedAt", "CREATED AT", false},
                          {"Labels", "LABELS", false},
                          {"LocalVolumes", "LOCAL VOLUMES", false},
                          {"Mounts", "MOUNTS", false},
                          {"Networks", "NETWORKS", false},
                          {"State", "STATE", false}},
                         "ID"};

PsFilter::Facts facts_of(const PsFilter& filter, const std::vector<Found>& all, const ImageNames& images) {
  PsFilter::Facts facts;
  for (const auto& name : filter.values("ancestor"))
    if (const auto digest = images.find(name)) facts.image_ids[name] = *digest;
  for (const char* key : {"before", "since"})
    for (const auto& name : filter.values(key)) facts.created[name] = must(find_container(all, name)).state.created_at;
  return facts;
}

std::string shortened_mount(const std::string& source, bool whole) {
  return whole || source.size() <= 15 ? source : source.substr(0, 14) + "…";
}

std::string mounts_text(const engine::ContainerState& state, bool whole) {
  std::string text;
  auto anonymous = state.anonymous_volumes.begin();
  for (const auto& mount : state.spec.mounts) {
    std::string source = mount.source;
    if (mount.type == model::MountType::Volume && source.empty() && anonymous != state.anonymous_volumes.end())
      source = *anonymous++;
    if (!source.empty()) text += (text.empty() ? "" : ",") + shortened_mount(source, whole);
  }
  return text;
}

bj::object row_of(const App& app, const Found& found, const ImageNames& images, std::int64_t now) {
  const auto& state = found.state;
  const bool whole = app.line.options.flag("no-trunc");
  bj::object row;
  for (const auto& [field, value] : ps_fields(state, now))
    if (std::any_of(kPsListing.columns.begin(), kPsListing.columns.end(),
                    [&, name = std::string_view(field)](const Column& column) { return column.field == name; }))
      row[field] = value;
  row["ID"] = whole ? state.id.value : short_id(state.id);
  row["Image"] = images.shown(state.spec.image, state.spec.image_digest);
  row["Command"] = command_text(state, !whole);
  row["Names"] = state.name;
  row["Mounts"] = mounts_text(state, whole);
  if (state.spec.endpoints.empty())
    row["Networks"] = state.spec.network_mode.starts_with("container:") ? "" : state.spec.network_mode;
  row["Size"] = app.line.options.flag("size") ? container_size_text(app, found, images) : "0B";
  return row;
}

std::vector<Found> wanted_containers(const App& app, const ImageNames& images) {
  const auto all = all_containers(app);
  const auto filter = must(PsFilter::parse(app.line.options.all("filter")));
  const auto facts = facts_of(filter, all, images);
  long last = app.line.options.flag("latest") ? 1 : app.line.options.number("last").value_or(-1);
  const bool any_state = app.line.options.flag("all") || last > 0 || filter.names_a_state();
  std::vector<Found> wanted;
  for (const auto& one : all) {
    if (!any_state && !is_up(one.state.phase)) continue;
    if (!filter.matches(one.state, facts)) continue;
    if (last == 0) break;
    if (last > 0) --last;
    wanted.push_back(one);
    if (last == 0) break;
  }
  return wanted;
}

}  // namespace

int run_ps(const App& app) {
  const ImageNames images(app);
  std::vector<bj::object> rows;
  for (const auto& one : wanted_containers(app, images)) rows.push_back(row_of(app, one, images, now_ns()));
  Listing listing = kPsListing;
  if (app.line.options.flag("size"))
    for (auto& column : listing.columns)
      if (column.field == "Size") column.shown = true;
  print_listing(app, listing, rows);
  return kOk;
}

}  // namespace berth::cli::docker
