// The `o` of a volume's driver options: what are flags of mount(2), and what the file system itself reads. Pure.
#pragma once

#include <string>

#include "berth/base/error.hpp"

namespace berth::volume {

struct MountOptions {
  unsigned long flags = 0;
  bool bind = false;
  std::string data;  // "addr=192.0.2.1,nfsvers=4"
};
// Refused: propagation, remount and move, which are no part of what a volume is, and a server by name (the kernel
// wants its address).
Result<MountOptions> parse_mount_options(const std::string& text);

}  // namespace berth::volume
