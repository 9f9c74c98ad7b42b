// Unpacks a foreign tar (plain, gzip, bzip2, xz or zstd by content) into a directory that already exists and is empty
// or merged into. The work is done by a child process pivoted into the directory, that keeps only CHOWN, DAC_OVERRIDE,
// FOWNER, FSETID, MKNOD and SETFCAP: a hostile archive can at worst fill its own directory. libarchive only
// decompresses; the tar reader is ours, because libarchive converts names through iconv, which would load modules from
// the directory being unpacked (CVE-2019-14271). Blocks until done. Needs root.
#pragma once

#include <cstdint>
#include <string>

#include "berth/base/byte_size.hpp"
#include "berth/base/error.hpp"

namespace berth::image {

enum class Whiteouts {
  Refuse,     // a root file system: `.wh.` names make no sense
  Translate,  // a layer: `.wh.NAME` -> char 0:0, `.wh..wh..opq` -> trusted.overlay.opaque
};

struct UnpackOptions {
  Whiteouts whiteouts = Whiteouts::Refuse;
  bool device_nodes = true;  // false: they are refused
  std::uint64_t max_entries = 10'000'000;
  std::int64_t max_bytes = 0;  // of file content; 0: what the file system has free
  bool digest = false;         // also of the tar's bytes, as they are when decompressed: a layer's diff id
  int stop_fd = -1;            // readable: the child is killed, ErrorKind::Cancelled (not with ..._in_place)
};

struct Unpacked {
  std::uint64_t entries = 0;
  ByteSize bytes;      // of file content
  std::string digest;  // "sha256:…" where it was asked for
};

// `archive` is read from its current offset. What was unpacked before a failure stays: remove the directory.
Result<Unpacked> unpack_archive(int archive, int directory, const UnpackOptions& options = {});

// The same by this process itself, for a directory in another mount namespace (a running container's), which the child
// could not pivot into. Every path is resolved inside the directory.
Result<Unpacked> unpack_archive_in_place(int archive, int directory, const UnpackOptions& options = {});

// Docker's rule for ADD: does the content (not the name) look like a tar, compressed or not? Reads from offset 0; the
// offset stays.
Result<bool> looks_like_archive(int file);

}  // namespace berth::image
