// Images of the store into registries.
//
//   auto outcomes = push_images({"registry.example/team/web:1"}, ports, [&](const TransferEvent& event) { … });
//
// For each layer: a blob that the registry is known or found to have is named again or mounted from another repository
// of it; what is left is packed (tar, gzip) into an unnamed file beside the store and sent from there, so that an
// attempt that breaks off can be made again. Same layer, same bytes. An image that came from a registry and of which
// nothing has to be packed keeps its manifest, and so its digest. The manifest goes last: a push that ends early leaves
// no name that leads nowhere. Blocks; the sink is called on the caller's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/registry/transfer.hpp"

namespace berth::registry {

struct PushedImage {
  std::string digest;     // of the manifest
  std::int64_t size = 0;  // of the manifest, as docker tells it
};

// One outcome a reference, in their order; one after the other, three layers at a time.
std::vector<Result<PushedImage>> push_images(const std::vector<std::string>& references, TransferPorts& ports,
                                             const TransferSink& sink);

}  // namespace berth::registry
