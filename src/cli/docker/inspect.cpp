// `docker inspect`, and of one kind.
#include <sys/stat.h>

#include <boost/json.hpp>
#include <functional>
#include <optional>

#include "berth/image/store.hpp"
#include "berth/network/bridges.hpp"
#include "berth/sys/file.hpp"
#include "berth/volume/store.hpp"
#include "docker/commands.hpp"
#include "docker/container_json.hpp"
#include "docker/image_names.hpp"
#include "docker/listing.hpp"
#include "docker/networks.hpp"
#include "docker/sizes.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

enum class Kind { Container, Image, Volume, Network };

class Inspector {
 public:
  explicit Inspector(const App& app)
      : app_(app), images_(app), all_(all_containers(app)), networks_(all_networks(app)) {}

  // NotFound where there is nothing of this name.
  Result<bj::object> find(Kind kind, const std::string& name) {
    switch (kind) {
      case Kind::Container: return container(name);
      case Kind::Image: return image(name);
      case Kind::Volume: return volume(name);
      case Kind::Network: return network(name);
    }
    return Error::make(ErrorKind::NotFound, name);
  }

 private:
  Result<bj::object> container(const std::string& name) {
    const auto found = find_container(all_, name);
    if (!found) return found.error();
    InspectFacts facts;
    facts.paths = app_.paths;
    for (const auto& volume : must(volume::VolumeStore(app_.paths.root).list()))
      facts.volume_paths[volume.spec.volume.name] = volume.path;
    facts.networks = networks_;
    auto object = container_json(*found, facts);
    if (app_.line.options.flag("size")) {
      const std::int64_t own = written_by(app_, *found);
      object["SizeRw"] = own;
      object["SizeRootFs"] = own + images_.size(found->state.spec.image_digest);
    }
    return object;
  }

  Result<bj::object> image(const std::string& name) {
    const auto digest = images_.find(name);
    if (!digest) return Error::make(ErrorKind::NotFound, "No such image: `" + name + "`");
    auto store = image::ImageStore::open(app_.paths.root);
    if (!store) return store.error();
    ImageFactsForInspect facts;
    facts.digest = *digest;
    for (const auto& one : must(store->list()))
      if (one.digest.value == *digest)
        facts.references = one.references, facts.created_at = one.created_at, facts.size = one.size.bytes;
    const auto config = store->config(ImageDigest(*digest));
    if (!config) return config.error();
    facts.layers = config->diff_ids;
    if (facts.layers.empty())
      for (const auto& layer : must(store->layers(ImageDigest(*digest))))
        facts.layers.push_back(must(store->ensure_diff_id(layer.id)).diff_id);
    return image_json(*config, facts);
  }

  Result<bj::object> volume(const std::string& name) const {
    const auto volume = volume::VolumeStore(app_.paths.root).inspect(name);
    if (!volume) return Error::make(ErrorKind::NotFound, "no such volume: `" + name + "`");
    return volume_json(*volume, made_at(app_.paths.root + "/volumes/" + name));
  }

  Result<bj::object> network(const std::string& text) const {
    const auto name = find_network(networks_, text);
    if (!name) return name.error();
    const auto record = networks_.find(*name);
    return record == networks_.end() ? host_network_json(*name) : network_json(record->second, all_);
  }

  static std::int64_t made_at(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0) return 0;
    return static_cast<std::int64_t>(status.st_ctim.tv_sec) * 1'000'000'000 + status.st_ctim.tv_nsec;
  }

  const App& app_;
  ImageNames images_;
  std::vector<Found> all_;
  std::map<std::string, network::NetworkRecord> networks_;
};

// What is found is printed, also where something else is not.
int inspect(const App& app, const std::vector<Kind>& kinds) {
  Inspector inspector(app);
  bj::array objects;
  std::vector<Error> missing;
  for (const auto& name : app.line.operands) {
    std::optional<Error> none;
    bool found = false;
    for (const Kind kind : kinds) {
      auto object = inspector.find(kind, name);
      if (object) {
        objects.push_back(std::move(*object));
        found = true;
        break;
      }
      if (object.error().kind() != ErrorKind::NotFound) throw Failure(object.error());
      if (!none) none = object.error();
    }
    if (found) continue;
    missing.push_back(kinds.size() == 1 ? *none : Error::make(ErrorKind::NotFound, "No such object: `" + name + "`"));
  }
  print(must(format_inspection(app.line.options.text("format"), objects)));
  for (const auto& error : missing) print_error(error);
  return missing.empty() ? kOk : kFailed;
}

}  // namespace

int run_inspect(const App& app) {
  static const std::map<std::string, Kind> kTypes{
      {"container", Kind::Container}, {"image", Kind::Image}, {"volume", Kind::Volume}, {"network", Kind::Network}};
  const auto type = kTypes.find(app.line.options.text("type"));
  return inspect(app, type != kTypes.end() ? std::vector{type->second}
                                           : std::vector{Kind::Container, Kind::Image, Kind::Network, Kind::Volume});
}

int run_inspect_container(const App& app) { return inspect(app, {Kind::Container}); }
int run_inspect_image(const App& app) { return inspect(app, {Kind::Image}); }
int run_inspect_volume(const App& app) { return inspect(app, {Kind::Volume}); }
int run_inspect_network(const App& app) { return inspect(app, {Kind::Network}); }

}  // namespace berth::cli::docker
