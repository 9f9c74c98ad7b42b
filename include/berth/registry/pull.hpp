// Images from registries into the store.
//
//   auto outcomes = pull_images({{.reference = "nginx"}}, ports, [&](const TransferEvent& event) { … });
//
// Index → manifest → config → layers: three transfers at a time over all images (a layer over 64 MB by up to four
// connections, where the registry answers to ranges), each layer unpacked by the store's confined child as soon as it
// is whole. Every byte is compared with a digest: manifests, configs, layers as they come and as they are unpacked. A
// layer that the store has is not fetched. What an interrupted transfer has got stays below images/downloads and is
// gone on with; nothing else of it stays. Blocks; the sink is called on the caller's thread.
#pragma once

#include <string>
#include <vector>

#include "berth/base/ids.hpp"
#include "berth/registry/transfer.hpp"

namespace berth::registry {

struct PullRequest {
  std::string reference;  // as written
  std::string platform;   // empty: of this machine
};

struct PulledImage {
  ImageDigest image;
  std::string digest;       // what the registry calls it
  bool up_to_date = false;  // it was there already
};

// One outcome a request, in their order. A request with the same reference as an earlier one has its outcome.
std::vector<Result<PulledImage>> pull_images(const std::vector<PullRequest>& requests, TransferPorts& ports,
                                             const TransferSink& sink);

}  // namespace berth::registry
