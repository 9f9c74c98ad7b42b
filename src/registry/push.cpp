#include "berth/registry/push.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <optional>

#include "berth/image/reference.hpp"
#include "berth/image/sha256.hpp"
#include "berth/image/store.hpp"
#include "blob_upload.hpp"
#include "lane.hpp"
#include "manifest.hpp"

namespace berth::registry {
namespace {

constexpr std::size_t kPushLanes = 3;
constexpr auto kUploadPause = std::chrono::milliseconds(50);

std::int64_t push_time() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The same bytes under OCI's name: one manifest holds one family of types.
std::string oci_layer_type(const std::string& type) {
  const bool zstd = type.ends_with("zstd");
  const bool packed = type.ends_with("gzip") || zstd;
  return std::string("application/vnd.oci.image.layer.v1.tar") + (zstd ? "+zstd" : packed ? "+gzip" : "");
}

struct LayerTask {
  std::string diff;    // directory
  std::string folder;  // for the packed file
  std::string repository, registry;
  std::vector<KnownBlob> known;  // those that keep the image's digest first
};

enum class HowPushed { Exists, Mounted, Sent };
struct PushedLayer {
  KnownBlob blob;
  HowPushed how = HowPushed::Sent;
};

// What a worker tells on its way.
struct LayerTold {
  std::function<void(Phase, std::int64_t current, std::int64_t total, const std::string& text)> tell;
};

Result<std::optional<PushedLayer>> find_at_registry(BlobUploads& uploads, const LayerTask& task) {
  for (const auto& blob : task.known) {
    auto there = uploads.has(blob.digest);
    if (!there) return there.error();
    if (*there) return std::optional(PushedLayer{blob, HowPushed::Exists});
  }
  for (const auto& blob : task.known) {
    const auto slash = blob.repository.find('/');
    if (blob.repository.substr(0, slash) != task.registry) continue;
    const std::string from = blob.repository.substr(slash + 1);
    if (from == task.repository) continue;
    auto mounted = uploads.mount(blob.digest, from);
    if (!mounted) return mounted.error();
    if (*mounted) return std::optional(PushedLayer{blob, HowPushed::Mounted});
  }
  return std::optional<PushedLayer>();
}

BodySource file_source(int file, std::int64_t size, const LayerTold& told) {
  auto last = std::make_shared<async::Clock::time_point>();
  return
      [file, size, told, last, at = std::int64_t{0}](char* buffer, std::size_t length) mutable -> Result<std::size_t> {
        ssize_t count = 0;
        do count = ::pread(file, buffer, length, at);
        while (count < 0 && errno == EINTR);
        if (count < 0) return Error::system(errno, "read", "a packed layer");
        at += count;
        const auto now = async::Clock::now();
        if (now - *last >= kUploadPause || at == size) {
          *last = now;
          told.tell(Phase::Uploading, at, size, {});
        }
        return static_cast<std::size_t>(count);
      };
}

Result<PushedLayer> push_layer(Session& session, const LayerTask& task, const LayerTold& told, int stop_fd) {
  BlobUploads uploads(session, task.repository);
  auto found = find_at_registry(uploads, task);
  if (!found) return found.error();
  if (*found) return std::move(**found);
  told.tell(Phase::Preparing, 0, 0, {});
  auto packed = pack_layer(task.diff, task.folder, stop_fd);
  if (!packed) return packed.error();
  PushedLayer out;
  out.blob = {task.registry + "/" + task.repository, packed->digest, kOciLayerGzip, packed->diff_id, packed->size};
  auto there = uploads.has(packed->digest);
  if (!there) return there.error();
  if (*there) {
    out.how = HowPushed::Exists;
    return out;
  }
  BERTH_TRY(
      uploads.put(packed->digest, packed->size, [&] { return file_source(packed->file.get(), packed->size, told); }));
  return out;
}

// Config and manifest, once all layers are there.
struct FinishTask {
  std::string repository, tag, manifest, manifest_type, config;
};
Result<PushedImage> push_manifest(Session& session, const FinishTask& task) {
  BlobUploads uploads(session, task.repository);
  const std::string config_digest = "sha256:" + image::sha256_hex(task.config);
  auto there = uploads.has(config_digest);
  if (!there) return there.error();
  if (!*there) BERTH_TRY(uploads.put_text(config_digest, task.config));
  Request request;
  request.method = "PUT";
  request.path = "/v2/" + task.repository + "/manifests/" + task.tag;
  request.headers = {{"Content-Type", task.manifest_type}};
  request.body = task.manifest;
  auto response = session.perform(request);
  if (!response) return response.error();
  if (!response->is_good()) return session.refusal(*response, "pushing the manifest");
  PushedImage out{"sha256:" + image::sha256_hex(task.manifest), static_cast<std::int64_t>(task.manifest.size())};
  const std::string named = response->header("docker-content-digest");
  if (named.starts_with("sha256:") && named != out.digest)
    return Error::make(ErrorKind::Protocol, "the registry has stored " + named + " in place of " + out.digest);
  return out;
}

// One image.
class PushRun {
 public:
  PushRun(TransferPorts& ports, const TransferSink& sink, std::shared_ptr<const Network> network, std::string name)
      : ports_(ports), sink_(sink), network_(std::move(network)), name_(std::move(name)), loop_(kPushLanes) {
    for (std::size_t i = 0; i < kPushLanes; ++i) lanes_.push_back(network_->transport());
  }

  Result<PushedImage> run() {
    tell({}, Phase::Pushing);
    if (auto begun = begin(); !begun) {
      fail(begun.error());
    } else {
      if (ports_.wake_fd >= 0 && ports_.cancelled)
        wake_ = loop_.on_readable(ports_.wake_fd, [this] {
          if (!stopping_ && ports_.cancelled()) {
            stopping_ = true;
            network_->stop();
          }
        });
      advance();
      loop_.run();
    }
    if (outcome_ && *outcome_) tell({}, Phase::Pushed);
    if (!outcome_) fail(Error::make(ErrorKind::Cancelled, "interrupted"));
    return std::move(*outcome_);
  }

 private:
  using Lane = std::unique_ptr<Transport>;

  void tell(const std::string& layer, Phase phase, std::int64_t current = 0, std::int64_t total = 0,
            const std::string& text = {}) {
    sink_({name_, layer, phase, current, total, text});
  }

  void fail(const Error& error) {
    if (outcome_) return;
    const std::string what = "pushing `" + name_ + "`";
    outcome_ = error.while_doing(what);
    tell({}, Phase::Failed, 0, 0, error.to_string());
  }

  Result<void> begin() {
    auto reference = image::parse_reference(name_);
    if (!reference) return reference.error();
    if (!reference->digest.empty())
      return Error::make(ErrorKind::Invalid, "a digest cannot be pushed to: it is the registry that gives it")
          .with_hint("give the image a tag");
    reference_ = std::move(*reference);
    auto digest = ports_.images->find(reference_.to_string());
    if (!digest) return digest.error();
    image_ = std::move(*digest);
    auto layers = ports_.images->layers(image_);
    if (!layers) return layers.error();
    auto folder = ports_.images->downloads_directory();
    if (!folder) return folder.error();
    BERTH_TRY(read_origin(layers->size()));
    for (std::size_t i = 0; i < layers->size(); ++i) {
      LayerTask task{(*layers)[i].diff, *folder, reference_.path, reference_.domain, {}};
      if (original_) task.known.push_back(original_blob(i));
      auto known = ports_.images->layer_blobs((*layers)[i].id);
      if (!known) return known.error();
      for (auto& blob : *known)
        add_known(task, {blob.repository, blob.digest, blob.media_type, blob.diff_id, blob.size});
      layer_ids_.push_back((*layers)[i].id);
      tasks_.push_back(std::move(task));
    }
    pushed_.resize(tasks_.size());
    open_layers_ = tasks_.size();
    scopes_ = {push_scope(reference_.path)};
    for (const auto& task : tasks_)
      for (const auto& blob : task.known)
        if (blob.repository.starts_with(reference_.domain + "/")) {
          const std::string scope = pull_scope(blob.repository.substr(reference_.domain.size() + 1));
          if (blob.repository != reference_.domain + "/" + reference_.path &&
              std::find(scopes_.begin(), scopes_.end(), scope) == scopes_.end())
            scopes_.push_back(scope);
        }
    queue_.push_back([this](Lane lane) { open_session(std::move(lane)); });
    return {};
  }

  // The manifest under which the image came, where it still fits.
  Result<void> read_origin(std::size_t layers) {
    auto origins = ports_.images->origins(image_);
    if (!origins) return origins.error();
    for (auto& origin : *origins) {
      if (origin.manifest.empty() || origin.config.empty()) continue;
      auto parsed = parse_manifest(origin.manifest, {});
      auto* manifest = parsed ? std::get_if<ImageManifest>(&*parsed) : nullptr;
      const auto config = oci::parse_image_config(origin.config);
      if (!manifest || !config || manifest->layers.size() != layers || config->diff_ids.size() != layers) continue;
      original_ = std::move(*manifest);
      original_diff_ids_ = config->diff_ids;
      origin_ = std::move(origin);
      return {};
    }
    return {};
  }

  KnownBlob original_blob(std::size_t i) const {
    const Descriptor& layer = original_->layers[i];
    return {origin_.repository, layer.digest, layer.media_type, original_diff_ids_[i], layer.size};
  }

  static void add_known(LayerTask& task, KnownBlob blob) {
    const auto same = [&](const KnownBlob& other) {
      return other.digest == blob.digest && other.repository == blob.repository;
    };
    if (std::none_of(task.known.begin(), task.known.end(), same)) task.known.push_back(std::move(blob));
  }

  // Credentials and the token once; the layers begin with what was learned.
  void open_session(Lane lane) {
    struct Answer {
      Result<Access> access;
      Lane lane;
    };
    auto shared = std::make_shared<Lane>(std::move(lane));
    work<Answer>(
        [this, shared]() -> Answer {
          auto access = network_->access(reference_.domain, reference_.path, scopes_);
          if (!access) return {access.error(), std::move(*shared)};
          Session session(**shared, std::move(*access), network_->surroundings());
          Request look;
          look.path = "/v2/";
          auto response = session.perform(look);
          if (!response) return {response.error(), std::move(*shared)};
          if (!response->is_good()) return {session.refusal(*response, "asking"), std::move(*shared)};
          return {session.access(), std::move(*shared)};
        },
        [this](Answer answer) {
          lanes_.push_back(std::move(answer.lane));
          if (!answer.access) return fail(answer.access.error());
          access_ = std::move(*answer.access);
          for (std::size_t i = 0; i < tasks_.size(); ++i) {
            tell(short_name(i), Phase::Waiting);
            queue_.push_back([this, i](Lane next) { push_one(i, std::move(next)); });
          }
          if (tasks_.empty()) finish();
        });
  }

  std::string short_name(std::size_t i) const {
    return tasks_[i].known.empty() ? layer_ids_[i].value.substr(0, 12) : tasks_[i].known.front().digest.substr(7, 12);
  }

  void push_one(std::size_t i, Lane lane) {
    struct Answer {
      Result<PushedLayer> layer;
      Lane lane;
    };
    auto shared = std::make_shared<Lane>(std::move(lane));
    const LayerTold told{[this, i](Phase phase, std::int64_t current, std::int64_t total, const std::string& text) {
      loop_.post([this, i, phase, current, total, text] { tell(short_name(i), phase, current, total, text); });
    }};
    work<Answer>(
        [this, shared, told, access = access_, task = tasks_[i]] {
          Session session(**shared, access, network_->surroundings());
          session.on_retry = [told](const std::string& why, std::chrono::milliseconds) {
            told.tell(Phase::Retrying, 0, 0, why);
          };
          return Answer{push_layer(session, task, told, network_->stop_fd()), std::move(*shared)};
        },
        [this, i](Answer answer) {
          lanes_.push_back(std::move(answer.lane));
          if (!answer.layer) return fail(answer.layer.error());
          const PushedLayer& layer = *answer.layer;
          const std::string here = reference_.domain + "/" + reference_.path;
          auto noted = ports_.images->record_blob(
              layer_ids_[i], {here, layer.blob.digest, layer.blob.media_type, layer.blob.diff_id, layer.blob.size});
          if (!noted) return fail(noted.error());
          tell(short_name(i),
               layer.how == HowPushed::Exists    ? Phase::LayerExists
               : layer.how == HowPushed::Mounted ? Phase::Mounted
                                                 : Phase::LayerPushed,
               layer.blob.size, layer.blob.size);
          pushed_[i] = layer.blob;
          if (--open_layers_ == 0) finish();
        });
  }

  bool keeps_original() const {
    if (!original_) return false;
    for (std::size_t i = 0; i < pushed_.size(); ++i)
      if (pushed_[i].digest != original_->layers[i].digest) return false;
    return true;
  }

  Result<FinishTask> finish_task() {
    FinishTask out{reference_.path, reference_.tag, origin_.manifest, {}, origin_.config};
    if (keeps_original()) {
      out.manifest_type = original_->media_type;
      return out;
    }
    auto config = ports_.images->config(image_);
    if (!config) return config.error();
    config->diff_ids.clear();
    boost::json::array layers;
    for (const auto& blob : pushed_) {
      config->diff_ids.push_back(blob.diff_id);
      layers.push_back({{"mediaType", oci_layer_type(blob.media_type)}, {"digest", blob.digest}, {"size", blob.size}});
    }
    out.config = oci::to_json(*config);
    const std::string config_digest = "sha256:" + image::sha256_hex(out.config);
    out.manifest_type = kOciManifest;
    out.manifest = boost::json::serialize(boost::json::object{
        {"schemaVersion", 2},
        {"mediaType", kOciManifest},
        {"config", {{"mediaType", kOciConfig}, {"digest", config_digest}, {"size", out.config.size()}}},
        {"layers", std::move(layers)}});
    return out;
  }

  void finish() {
    auto task = finish_task();
    if (!task) return fail(task.error());
    queue_.push_back([this, task = std::move(*task)](Lane lane) { send_manifest(task, std::move(lane)); });
  }

  void send_manifest(const FinishTask& task, Lane lane) {
    struct Answer {
      Result<PushedImage> pushed;
      Lane lane;
    };
    auto shared = std::make_shared<Lane>(std::move(lane));
    work<Answer>(
        [this, task, shared, access = access_] {
          Session session(**shared, access, network_->surroundings());
          return Answer{push_manifest(session, task), std::move(*shared)};
        },
        [this, task](Answer answer) {
          lanes_.push_back(std::move(answer.lane));
          if (!answer.pushed) return fail(answer.pushed.error());
          image::ImageStore::Origin origin{reference_.domain + "/" + reference_.path, answer.pushed->digest,
                                           task.manifest, task.config, push_time()};
          if (auto noted = ports_.images->record_origin(image_, origin); !noted) return fail(noted.error());
          outcome_ = std::move(*answer.pushed);
        });
  }

  // `task` on a worker, `then` here, and whatever can go on after it.
  template <class T>
  void work(std::function<T()> task, std::function<void(T)> then) {
    ++running_;
    loop_.on_worker<T>(std::move(task), [this, then = std::move(then)](T value) {
      --running_;
      then(std::move(value));
      advance();
    });
  }

  void advance() {
    while (!outcome_ && !stopping_ && !queue_.empty() && !lanes_.empty()) {
      const auto next = std::move(queue_.front());
      queue_.pop_front();
      Lane lane = std::move(lanes_.back());
      lanes_.pop_back();
      next(std::move(lane));
    }
    if (running_ > 0) return;
    wake_.cancel();
    loop_.stop();
  }

  TransferPorts& ports_;
  const TransferSink& sink_;
  std::shared_ptr<const Network> network_;
  std::string name_;
  image::Reference reference_;
  ImageDigest image_;
  std::optional<ImageManifest> original_;
  std::vector<std::string> original_diff_ids_;
  image::ImageStore::Origin origin_;
  std::vector<LayerId> layer_ids_;
  std::vector<LayerTask> tasks_;
  std::vector<KnownBlob> pushed_;
  std::vector<std::string> scopes_;
  Access access_;
  std::size_t open_layers_ = 0, running_ = 0;
  std::optional<Result<PushedImage>> outcome_;
  std::vector<Lane> lanes_;
  std::deque<std::function<void(Lane)>> queue_;
  bool stopping_ = false;
  async::Watch wake_;
  async::Loop loop_;  // last: its workers end before what they use
};

}  // namespace

std::vector<Result<PushedImage>> push_images(const std::vector<std::string>& references, TransferPorts& ports,
                                             const TransferSink& sink) {
  std::vector<Result<PushedImage>> out;
  for (const auto& reference : references) {
    auto network = Network::open(ports.environment);
    if (!network)
      out.push_back(network.error());
    else if (!out.empty() && !out.back() && out.back().error().kind() == ErrorKind::Cancelled)
      out.push_back(out.back());
    else
      out.push_back(PushRun(ports, sink, std::move(*network), reference).run());
  }
  return out;
}

}  // namespace berth::registry
