#include "berth/registry/pull.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>

#include "berth/image/store.hpp"
#include "berth/image/unpack.hpp"
#include "berth/sys/file.hpp"
#include "blob_download.hpp"
#include "lane.hpp"
#include "mirrors.hpp"
#include "resolve.hpp"

namespace berth::registry {
namespace {

constexpr std::size_t kTransfers = 3;
constexpr std::size_t kUnpackers = 2;
constexpr auto kProgressPause = std::chrono::milliseconds(50);

std::string short_digest(const std::string& digest) { return digest.substr(7, 12); }

std::int64_t wall_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What a worker is given and gives back.
struct FoundImage {
  Resolved resolved;
  Access access;
};

Result<FoundImage> find_image(const Network& network, Transport& transport, const ResolveTask& task,
                              const std::function<void(const std::string&)>& on_retry) {
  return ask_in_turn<FoundImage>(network, transport, task.reference, on_retry,
                                 [&](Session& session) -> Result<FoundImage> {
                                   auto resolved = resolve_image(session, task);
                                   if (!resolved) return resolved.error();
                                   return FoundImage{std::move(*resolved), session.access()};
                                 });
}

struct LayerJob {
  Descriptor blob;
  std::string diff_id;
  std::string repository;  // where it is fetched from
  Access access;
  std::vector<std::size_t> users;  // images that wait for it
  std::string part;
};

struct ImageJob {
  PullRequest request;
  image::Reference reference;
  std::string platform;
  Resolved resolved;
  std::vector<LayerId> layers;
  std::size_t missing = 0;
  std::optional<Result<PulledImage>> outcome;
};

class PullRun {
 public:
  PullRun(TransferPorts& ports, const TransferSink& sink, std::shared_ptr<const Network> network)
      : ports_(ports), sink_(sink), network_(std::move(network)), loop_(kTransfers + kUnpackers) {
    for (std::size_t i = 0; i < kTransfers; ++i) lanes_.push_back(network_->transport());
  }

  std::vector<Result<PulledImage>> run(const std::vector<PullRequest>& requests) {
    for (const auto& request : requests) images_.push_back({.request = request});
    for (std::size_t i = 0; i < images_.size(); ++i) begin(i);
    if (ports_.wake_fd >= 0 && ports_.cancelled)
      wake_ = loop_.on_readable(ports_.wake_fd, [this] {
        if (!stopping_ && ports_.cancelled()) {
          stopping_ = true;
          network_->stop();
        }
      });
    advance();
    loop_.run();
    std::vector<Result<PulledImage>> out;
    for (auto& image : images_) out.push_back(std::move(*image.outcome));
    return out;
  }

 private:
  using Lane = std::unique_ptr<Transport>;

  void tell(std::size_t image, const std::string& layer, Phase phase, std::int64_t current = 0, std::int64_t total = 0,
            const std::string& text = {}) {
    sink_({images_[image].request.reference, layer, phase, current, total, text});
  }
  void tell_users(const LayerJob& layer, Phase phase, std::int64_t current = 0, const std::string& text = {}) {
    for (const std::size_t user : layer.users)
      if (!images_[user].outcome) tell(user, short_digest(layer.blob.digest), phase, current, layer.blob.size, text);
  }

  void fail(std::size_t index, const Error& error) {
    if (images_[index].outcome) return;
    const std::string what = "pulling `" + images_[index].request.reference + "`";
    // A refusal says so already.
    const bool says_so = error.to_string().find(what) != std::string::npos;
    images_[index].outcome = says_so ? error : error.while_doing(what);
    tell(index, {}, Phase::Failed, 0, 0, error.to_string());
  }

  void begin(std::size_t index) {
    ImageJob& image = images_[index];
    tell(index, {}, Phase::Pulling);
    auto reference = image::parse_reference(image.request.reference);
    if (!reference) return fail(index, reference.error());
    image.reference = std::move(*reference);
    Platform platform = host_platform();
    if (!image.request.platform.empty()) {
      auto wanted = parse_platform(image.request.platform);
      if (!wanted) return fail(index, wanted.error());
      platform = std::move(*wanted);
    }
    ResolveTask task{image.reference, std::move(platform), known_digests(image)};
    queue_.push_back([this, index, task = std::move(task)](Lane lane) { resolve(index, task, std::move(lane)); });
  }

  // Only where what is there is for the platform that is asked for.
  std::set<std::string> known_digests(const ImageJob& image) const {
    std::set<std::string> out;
    const auto digest = ports_.images->find(image.reference.to_string());
    if (!digest) return out;
    if (!image.request.platform.empty()) {
      const auto config = ports_.images->config(*digest);
      const auto wanted = parse_platform(image.request.platform);
      if (!config || !wanted || config->os != wanted->os || config->architecture != wanted->architecture) return out;
    }
    const auto origins = ports_.images->origins(*digest);
    if (!origins) return out;
    for (const auto& origin : *origins)
      if (origin.repository == image.reference.domain + "/" + image.reference.path) out.insert(origin.digest);
    return out;
  }

  void resolve(std::size_t index, const ResolveTask& task, Lane lane) {
    struct Answer {
      Result<FoundImage> found;
      Lane lane;
    };
    auto shared = std::make_shared<Lane>(std::move(lane));
    const auto retry = [this, index](const std::string& why) {
      loop_.post([this, index, why] { tell(index, {}, Phase::Retrying, 0, 0, why); });
    };
    work<Answer>(
        [this, task, shared, retry] {
          return Answer{find_image(*network_, **shared, task, retry), std::move(*shared)};
        },
        [this, index](Answer answer) {
          lanes_.push_back(std::move(answer.lane));
          if (!answer.found)
            fail(index, answer.found.error());
          else
            resolved(index, std::move(*answer.found));
        });
  }

  void resolved(std::size_t index, FoundImage found) {
    ImageJob& image = images_[index];
    image.resolved = std::move(found.resolved);
    if (image.resolved.known) return up_to_date(index);
    const auto& layers = image.resolved.manifest.layers;
    const auto& diff_ids = image.resolved.config.diff_ids;
    image.layers.resize(layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      auto there = ports_.images->find_unpacked(diff_ids[i]);
      if (!there) return fail(index, there.error());
      const std::string name = short_digest(layers[i].digest);
      if (*there) {
        image.layers[i] = **there;
        tell(index, name, Phase::AlreadyExists, layers[i].size, layers[i].size);
        continue;
      }
      const auto [job, fresh] = jobs_.try_emplace(layers[i].digest + diff_ids[i]);
      LayerJob& layer = job->second;
      if (std::find(layer.users.begin(), layer.users.end(), index) == layer.users.end()) {
        layer.users.push_back(index);
        ++image.missing;
      }
      tell(index, name, Phase::Waiting, 0, layers[i].size);
      if (!fresh) continue;
      layer.blob = layers[i];
      layer.diff_id = diff_ids[i];
      layer.repository = image.reference.path;
      layer.access = found.access;
      queue_.push_back([this, key = job->first](Lane lane) { fetch(key, std::move(lane)); });
    }
    if (image.missing == 0) finish(index);
  }

  void up_to_date(std::size_t index) {
    ImageJob& image = images_[index];
    auto digest = ports_.images->find(image.reference.to_string());
    if (!digest) return fail(index, digest.error());
    // It counts as pulled now: what is to be looked at daily has been.
    if (auto noted = note_pulled(*digest, image); !noted) return fail(index, noted.error());
    image.outcome = PulledImage{*digest, image.resolved.digest, true};
    tell(index, {}, Phase::UpToDate);
  }

  Result<void> note_pulled(const ImageDigest& digest, const ImageJob& image) {
    const auto origins = ports_.images->origins(digest);
    if (!origins) return origins.error();
    for (auto origin : *origins)
      if (origin.digest == image.resolved.digest && !origin.manifest.empty() && !origin.config.empty()) {
        origin.pulled_at = wall_nanoseconds();
        BERTH_TRY(ports_.images->record_origin(digest, origin));
      }
    return {};
  }

  bool is_wanted(const LayerJob& layer) const {
    return std::any_of(layer.users.begin(), layer.users.end(),
                       [&](std::size_t user) { return !images_[user].outcome; });
  }

  void fetch(const std::string& key, Lane lane) {
    LayerJob& layer = jobs_.at(key);
    auto folder = ports_.images->downloads_directory();
    if (!is_wanted(layer) || !folder) {
      lanes_.push_back(std::move(lane));
      if (!folder) fail_layer(layer, folder.error());
      return;
    }
    layer.part = *folder + "/" + layer.blob.digest.substr(7) + ".part";
    struct Answer {
      Result<sys::UniqueFd> downloaded;
      Lane lane;
    };
    auto shared = std::make_shared<Lane>(std::move(lane));
    const DownloadTask task{layer.repository, layer.blob, layer.part, network_->stop_fd(), beside()};
    auto last = std::make_shared<std::atomic<async::Clock::time_point>>();
    const auto progress = [this, key, last, whole = layer.blob.size](std::int64_t current) {
      const auto now = async::Clock::now();
      auto before = last->load();
      if (current != whole && (now - before < kProgressPause || !last->compare_exchange_strong(before, now))) return;
      loop_.post([this, key, current] { tell_users(jobs_.at(key), Phase::Downloading, current); });
    };
    const auto retry = [this, key](const std::string& why, std::chrono::milliseconds) {
      loop_.post([this, key, why] { tell_users(jobs_.at(key), Phase::Retrying, 0, why); });
    };
    work<Answer>(
        [this, task, shared, progress, retry, access = layer.access] {
          Session session(**shared, access, network_->surroundings());
          session.on_retry = retry;
          return Answer{download_blob(session, task, progress), std::move(*shared)};
        },
        [this, key](Answer answer) {
          lanes_.push_back(std::move(answer.lane));
          if (!answer.downloaded)
            fail_layer(jobs_.at(key), answer.downloaded.error());
          else
            downloaded(key, std::move(*answer.downloaded));
        });
  }

  // Connections beside those of the transfers: so many in all.
  std::function<Beside(int)> beside() const {
    return [network = network_, left = beside_left_](int stop_fd) {
      Beside out;
      if (left->fetch_sub(1) <= 0) {
        left->fetch_add(1);
        return out;
      }
      out.ticket = std::shared_ptr<void>(nullptr, [left](void*) { left->fetch_add(1); });
      out.transport = network->transport(stop_fd);
      out.around = network->surroundings(stop_fd);
      return out;
    };
  }

  void fail_layer(const LayerJob& layer, const Error& error) {
    for (const std::size_t user : layer.users)
      fail(user, error.while_doing("layer " + short_digest(layer.blob.digest)));
  }

  void downloaded(const std::string& key, sys::UniqueFd file) {
    LayerJob& layer = jobs_.at(key);
    if (!file) {
      auto there = ports_.images->find_unpacked(layer.diff_id);
      if (!there) return fail_layer(layer, there.error());
      if (*there) return layer_ready(layer, **there);
      queue_.push_front([this, key](Lane lane) { fetch(key, std::move(lane)); });
      return;
    }
    auto kept = std::make_shared<sys::UniqueFd>(std::move(file));
    unpacking_.push_back([this, key, kept] { unpack(key, kept); });
  }

  void unpack(const std::string& key, std::shared_ptr<sys::UniqueFd> file) {
    LayerJob& layer = jobs_.at(key);
    if (!is_wanted(layer)) return;
    auto draft = ports_.images->begin_layer();
    if (!draft) return fail_layer(layer, draft.error());
    auto directory = sys::open(draft->upper(), O_RDONLY | O_DIRECTORY);
    if (!directory) return fail_layer(layer, directory.error());
    tell_users(layer, Phase::Extracting, layer.blob.size);
    ++unpackers_;
    auto kept = std::make_shared<image::LayerDraft>(std::move(*draft));
    auto into = std::make_shared<sys::UniqueFd>(std::move(*directory));
    image::UnpackOptions options{.whiteouts = image::Whiteouts::Translate, .digest = true};
    options.stop_fd = network_->stop_fd();
    work<Result<image::Unpacked>>(
        [file, into, options] { return image::unpack_archive(file->get(), into->get(), options); },
        [this, key, file, kept](Result<image::Unpacked> unpacked) {
          --unpackers_;
          LayerJob& done = jobs_.at(key);
          if (!unpacked) return drop(done, unpacked.error());
          if (unpacked->digest != done.diff_id)
            return drop(done, Error::make(ErrorKind::Protocol,
                                          "unpacked it is not what the config says (" + done.diff_id + ")"));
          auto committed = ports_.images->commit_unpacked(std::move(*kept), done.diff_id);
          if (!committed) return fail_layer(done, committed.error());
          layer_ready(done, *committed);
        });
  }

  // Bytes that cannot be unpacked are not kept for another attempt, unless it was us.
  void drop(const LayerJob& layer, const Error& error) {
    const bool ours = error.kind() == ErrorKind::Cancelled || error.kind() == ErrorKind::NoSpace;
    if (!ours) ::unlink(layer.part.c_str());
    fail_layer(layer, error);
  }

  void layer_ready(LayerJob& layer, const LayerId& id) {
    ::unlink(layer.part.c_str());
    for (const std::size_t user : layer.users) {
      ImageJob& image = images_[user];
      if (image.outcome) continue;
      const auto& blobs = image.resolved.manifest.layers;
      for (std::size_t i = 0; i < blobs.size(); ++i)
        if (blobs[i].digest == layer.blob.digest && image.resolved.config.diff_ids[i] == layer.diff_id)
          image.layers[i] = id;
      tell(user, short_digest(layer.blob.digest), Phase::PullComplete, layer.blob.size, layer.blob.size);
      if (--image.missing == 0) finish(user);
    }
  }

  void finish(std::size_t index) {
    ImageJob& image = images_[index];
    const auto& reference = image.reference;
    std::vector<std::string> names;
    if (reference.digest.empty()) names.push_back(reference.to_string());
    auto digest = ports_.images->put_image(image.resolved.config, image.layers, names);
    if (!digest) return fail(index, digest.error());
    const std::string repository = reference.domain + "/" + reference.path;
    image::ImageStore::Origin origin{repository, image.resolved.digest, image.resolved.manifest_bytes,
                                     image.resolved.config_bytes, wall_nanoseconds()};
    if (auto noted = ports_.images->record_origin(*digest, origin); !noted) return fail(index, noted.error());
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      const Descriptor& blob = image.resolved.manifest.layers[i];
      auto noted = ports_.images->record_blob(
          image.layers[i], {repository, blob.digest, blob.media_type, image.resolved.config.diff_ids[i], blob.size});
      if (!noted) return fail(index, noted.error());
    }
    image.outcome = PulledImage{*digest, image.resolved.digest, false};
    tell(index, {}, Phase::Pulled);
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
    for (;;) {
      if (!unpacking_.empty() && unpackers_ < kUnpackers) {
        const auto next = std::move(unpacking_.front());
        unpacking_.pop_front();
        next();
      } else if (!queue_.empty() && !lanes_.empty()) {
        const auto next = std::move(queue_.front());
        queue_.pop_front();
        Lane lane = std::move(lanes_.back());
        lanes_.pop_back();
        if (stopping_) {
          lanes_.push_back(std::move(lane));
          continue;
        }
        next(std::move(lane));
      } else {
        break;
      }
    }
    if (running_ > 0) return;
    for (std::size_t i = 0; i < images_.size(); ++i)
      if (!images_[i].outcome) fail(i, Error::make(ErrorKind::Cancelled, "interrupted"));
    wake_.cancel();
    loop_.stop();
  }

  TransferPorts& ports_;
  const TransferSink& sink_;
  std::shared_ptr<const Network> network_;
  std::vector<Lane> lanes_;  // those that nobody uses now
  std::vector<ImageJob> images_;
  std::map<std::string, LayerJob> jobs_;
  std::deque<std::function<void(Lane)>> queue_;
  std::deque<std::function<void()>> unpacking_;
  std::shared_ptr<std::atomic<int>> beside_left_ = std::make_shared<std::atomic<int>>(kConnectionsBeside);
  std::size_t running_ = 0, unpackers_ = 0;
  bool stopping_ = false;
  async::Watch wake_;
  async::Loop loop_;  // last: its workers end before what they use
};

}  // namespace

std::vector<Result<PulledImage>> pull_images(const std::vector<PullRequest>& requests, TransferPorts& ports,
                                             const TransferSink& sink) {
  auto network = Network::open(ports.environment);
  if (!network) return std::vector<Result<PulledImage>>(requests.size(), network.error());
  std::vector<PullRequest> different;
  std::vector<std::size_t> which;
  for (const auto& request : requests) {
    const auto same = std::find_if(different.begin(), different.end(), [&](const PullRequest& other) {
      return other.reference == request.reference && other.platform == request.platform;
    });
    which.push_back(static_cast<std::size_t>(same - different.begin()));
    if (same == different.end()) different.push_back(request);
  }
  const auto outcomes = PullRun(ports, sink, std::move(*network)).run(different);
  std::vector<Result<PulledImage>> out;
  for (const std::size_t index : which) out.push_back(outcomes[index]);
  return out;
}

}  // namespace berth::registry
