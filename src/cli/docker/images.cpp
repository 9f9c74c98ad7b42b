// `docker images`, `rmi`, `tag`, `history`.
#include "docker/images.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "berth/image/reference.hpp"
#include "berth/image/store.hpp"
#include "berth/oci/image_config.hpp"
#include "berth/state/records.hpp"
#include "berth/text/duration.hpp"
#include "docker/commands.hpp"
#include "docker/container_json.hpp"
#include "docker/find.hpp"
#include "docker/image_names.hpp"
#include "docker/listing.hpp"
#include "docker/ps_filter.hpp"
#include "docker/sizes.hpp"
#include "pull_images.hpp"
#include "render/container_view.hpp"
#include "stack.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

const Listing kImageListing{{{"Repository", "REPOSITORY"},
                             {"Tag", "TAG"},
                             {"Digest", "DIGEST", false},
                             {"ID", "IMAGE ID"},
                             {"CreatedSince", "CREATED"},
                             {"Size", "SIZE"},
                             {"CreatedAt", "CREATED AT", false},
                             {"Containers", "CONTAINERS", false},
                             {"SharedSize", "SHARED SIZE", false},
                             {"UniqueSize", "UNIQUE SIZE", false},
                             {"VirtualSize", "SIZE", false}},
                            "ID"};

const Listing kHistoryListing{{{"ID", "IMAGE"},
                               {"CreatedSince", "CREATED"},
                               {"CreatedBy", "CREATED BY"},
                               {"Size", "SIZE"},
                               {"Comment", "COMMENT"},
                               {"CreatedAt", "CREATED AT", false}},
                              "ID"};

image::ImageStore open_store(const App& app) {
  must(state::open_roots(app.paths));
  return must(image::ImageStore::open(app.paths.root));
}

// A row a name; those without one as <none>.
struct NamedImage {
  const image::ImageSummary* image = nullptr;
  std::string repository = "<none>", tag = "<none>", digest = "<none>";
};

std::vector<NamedImage> names_of(const image::ImageSummary& image) {
  std::vector<NamedImage> rows;
  for (const auto& name : image.references) {
    const auto reference = image::parse_reference(name);
    if (!reference) continue;
    NamedImage row{&image, reference->repository()};
    if (!reference->tag.empty()) row.tag = reference->tag;
    if (!reference->digest.empty()) row.digest = reference->digest;
    rows.push_back(std::move(row));
  }
  if (rows.empty()) rows.push_back({&image});
  return rows;
}

// "nginx", "nginx:1.25": what the operand and reference= look for. `*` stands for anything but `/`.
bool fits(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] != '*') return !text.empty() && pattern[0] == text[0] && fits(pattern.substr(1), text.substr(1));
  while (pattern.starts_with("**")) pattern.remove_prefix(1);
  for (std::size_t taken = 0; taken <= text.size(); ++taken) {
    if (fits(pattern.substr(1), text.substr(taken))) return true;
    if (taken < text.size() && text[taken] == '/') return false;
  }
  return false;
}

bool is_meant_image(const NamedImage& row, const std::string& wanted) {
  std::string repository = wanted, tag;
  const auto colon = wanted.rfind(':');
  if (colon != std::string::npos && wanted.find('/', colon) == std::string::npos)
    repository = wanted.substr(0, colon), tag = wanted.substr(colon + 1);
  if (const auto reference = image::parse_reference(repository); reference && wanted.find('*') == std::string::npos)
    repository = reference->repository();
  return fits(repository, row.repository) && (tag.empty() || fits(tag, row.tag));
}

std::int64_t moment_of(const image::ImageStore& store, const std::string& name) {
  const auto digest = must(store.find(name));
  for (const auto& image : must(store.list()))
    if (image.digest == digest) return image.created_at;
  return 0;
}

bj::object image_row(const App& app, const NamedImage& row, std::int64_t now) {
  const std::string id = hex_of_digest(row.image->digest);
  const bool whole = app.line.options.flag("no-trunc");
  return {{"Containers", "N/A"},
          {"CreatedAt", created_text(row.image->created_at)},
          {"CreatedSince", age_text(row.image->created_at, now)},
          {"Digest", row.digest},
          {"ID", whole ? "sha256:" + id : id.substr(0, 12)},
          {"Repository", row.repository},
          {"SharedSize", "N/A"},
          {"Size", size_text(row.image->size.bytes)},
          {"Tag", row.tag},
          {"UniqueSize", "N/A"},
          {"VirtualSize", size_text(row.image->size.bytes)}};
}

class ImageFilter {
 public:
  ImageFilter(const App& app, const image::ImageStore& store) : store_(store) {
    filters_ = must(
        parse_filters(app.line.options.all("filter"), {"before", "dangling", "label", "reference", "since", "until"}));
    for (const auto& [key, value] : filters_)
      if (key == "before" || key == "since") moments_[value] = moment_of(store, value);
    if (!app.line.operands.empty()) filters_.emplace("reference", app.line.operands[0]);
  }

  bool matches(const NamedImage& row) const {
    if (filters_.count("label")) {
      const auto config = store_.config(row.image->digest);
      if (!config || !has_labels(config->config.labels, filters_)) return false;
    }
    const auto [first, last] = filters_.equal_range("reference");
    if (first != last &&
        std::none_of(first, last, [&](const auto& entry) { return is_meant_image(row, entry.second); }))
      return false;
    return std::all_of(filters_.begin(), filters_.end(), [&](const auto& filter) {
      const auto& [key, value] = filter;
      if (key == "dangling") return row.image->references.empty() == (value == "true" || value == "1");
      if (key == "before") return row.image->created_at < moments_.at(value);
      if (key == "since") return row.image->created_at > moments_.at(value);
      return true;
    });
  }

 private:
  const image::ImageStore& store_;
  std::multimap<std::string, std::string> filters_;
  std::map<std::string, std::int64_t> moments_;
};

}  // namespace

void ensure_image(const App& app, const std::string& name, const std::string& policy) {
  if (policy != "always" && open_store(app).find(name)) return;
  if (policy != "never") {
    pull_image(app, name, {}, false);
    return;
  }
  throw Failure(Error::make(ErrorKind::NotFound, "No such image: `" + name + "`")
                    .with_hint("`docker build -t`, `docker load` and `docker import` bring images into the store"));
}

void check_platform(const std::string& wanted) {
  const auto host = oci::host_image_config();
  const std::string own = host.os + "/" + host.architecture;
  if (wanted.empty() || wanted == own || wanted.starts_with(own + "/") || wanted == host.architecture) return;
  throw Failure(
      Error::make(ErrorKind::Unsupported, "--platform " + wanted + ": images here are of this machine, " + own));
}

int run_images(const App& app) {
  const auto store = open_store(app);
  const ImageFilter filter(app, store);
  const std::int64_t now = now_ns();
  std::vector<bj::object> rows;
  const auto images = must(store.list());
  std::set<std::string> shown;
  for (const auto& image : images)
    for (const auto& row : names_of(image)) {
      if (!filter.matches(row)) continue;
      if (app.line.options.flag("quiet") && !shown.insert(image.digest.value).second) continue;
      rows.push_back(image_row(app, row, now));
    }
  Listing listing = kImageListing;
  if (app.line.options.flag("digests")) listing.columns[2].shown = true;
  print_listing(app, listing, rows);
  return kOk;
}

int run_rmi(const App& app) {
  auto store = open_store(app);
  const bool force = app.line.options.flag("force");
  int code = kOk;
  for (const auto& name : app.line.operands) {
    const auto digest = store.find(name);
    if (!digest && force && digest.error().kind() == ErrorKind::NotFound) {
      print_error(digest.error());
      continue;
    }
    std::vector<std::string> users;
    if (digest)
      for (const auto& one : all_containers(app))
        if (one.state.spec.image_digest == *digest && (!force || is_up(one.state.phase)))
          users.push_back(one.state.name);
    const auto removed = digest ? store.remove(name, users, force) : Result<image::ImageStore::Removed>(digest.error());
    if (!removed) {
      print_error(removed.error());
      code = kFailed;
      continue;
    }
    for (const auto& gone : removed->untagged) print("Untagged: " + familiar_name(gone) + "\n");
    for (const auto& gone : removed->deleted) print("Deleted: " + gone.value + "\n");
  }
  return code;
}

int run_tag(const App& app) {
  auto store = open_store(app);
  const auto reference = must(image::parse_reference(app.line.operands[1]));
  if (!reference.digest.empty())
    throw Failure(
        Error::make(ErrorKind::Invalid, "`" + app.line.operands[1] + "` has a digest: that is no name to give"));
  must(store.tag(must(store.find(app.line.operands[0])), reference.to_string()));
  return kOk;
}

int run_history(const App& app) {
  const auto store = open_store(app);
  const auto digest = must(store.find(app.line.operands[0]));
  const auto config = must(store.config(digest));
  const auto layers = must(store.layers(digest));
  const bool whole = app.line.options.flag("no-trunc"), human = app.line.options.text("human") != "false";
  std::vector<bj::object> rows;
  std::size_t next = 0;
  for (const auto& entry : config.history) {
    const bool has_layer = !entry.empty_layer && next < layers.size();
    const std::int64_t size = has_layer ? bytes_below(layers[next++].diff) : 0;
    const auto made = text::parse_time(entry.created);
    const std::int64_t created =
        made ? std::chrono::duration_cast<std::chrono::nanoseconds>(made->time_since_epoch()).count() : 0;
    std::string by = entry.created_by;
    std::replace(by.begin(), by.end(), '\t', ' ');
    if (!whole && by.size() > 45) by = by.substr(0, 44) + "…";
    rows.insert(rows.begin(), bj::object{{"Comment", entry.comment},
                                         {"CreatedAt", entry.created},
                                         {"CreatedBy", by},
                                         {"CreatedSince", !human ? entry.created
                                                          : made ? age_text(created, now_ns())
                                                                 : "N/A"},
                                         {"ID", "<missing>"},
                                         {"Size", human ? size_text(size) : std::to_string(size)}});
  }
  const std::string id = hex_of_digest(digest);
  if (!rows.empty()) rows.front()["ID"] = whole ? "sha256:" + id : id.substr(0, 12);
  print_listing(app, kHistoryListing, rows);
  return kOk;
}

}  // namespace berth::cli::docker
