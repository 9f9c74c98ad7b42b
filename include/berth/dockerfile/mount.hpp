// RUN --mount=type=…: the comma-separated value, after its variables are expanded. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "berth/base/byte_size.hpp"
#include "berth/base/error.hpp"
#include "berth/dockerfile/words.hpp"

namespace berth::dockerfile {

enum class MountKind { Bind, Cache, Tmpfs, Secret, Ssh };
enum class CacheSharing { Shared, Private, Locked };

struct RunMount {
  MountKind kind = MountKind::Bind;
  std::string source;
  std::string target;  // as given; relative ones are below WORKDIR
  std::string from;    // stage or image; empty: the build context (bind), nothing (cache)
  std::string id;
  bool read_only = true;
  bool required = false;
  std::optional<std::string> env;  // secret: variable instead of, or beside, a file
  CacheSharing sharing = CacheSharing::Shared;
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  ByteSize size;  // tmpfs; 0: no limit
  bool operator==(const RunMount&) const = default;
};

// `lookup` empty: values with `$` are taken as they stand (to check a file without building it).
Result<RunMount> parse_run_mount(std::string_view text, char escape, const Lookup& lookup);

}  // namespace berth::dockerfile
