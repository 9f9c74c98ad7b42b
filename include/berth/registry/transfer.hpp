// What a pull or push tells while it goes on, and what it works with.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "berth/base/error.hpp"

namespace berth::image {
class ImageStore;
}

namespace berth::registry {

enum class Phase {
  // Of an image
  Pulling,
  Pulled,
  UpToDate,
  Pushing,
  Pushed,
  Failed,
  // Of a layer
  Waiting,      // for its turn, or for another process that fetches the same
  Downloading,  // current of total
  Extracting,
  PullComplete,
  AlreadyExists,
  Preparing,  // being packed
  Uploading,  // current of total
  LayerPushed,
  LayerExists,
  Mounted,  // from another repository of the registry
  // Of either
  Retrying,  // `text` says why
};

struct TransferEvent {
  std::string image;  // as it was asked for
  std::string layer;  // 12 hexadecimal digits; empty: the image itself
  Phase phase = Phase::Pulling;
  std::int64_t current = 0;
  std::int64_t total = 0;  // 0: not known
  std::string text;
};
using TransferSink = std::function<void(const TransferEvent&)>;

// Borrowed; outlives the transfer.
struct TransferPorts {
  image::ImageStore* images = nullptr;
  std::map<std::string, std::string> environment;  // proxies, DOCKER_CONFIG, HOME, PATH
  // Called whenever `wake_fd` is readable; true: end, ErrorKind::Cancelled. Empty: it cannot be interrupted.
  std::function<bool()> cancelled;
  int wake_fd = -1;
};

}  // namespace berth::registry
