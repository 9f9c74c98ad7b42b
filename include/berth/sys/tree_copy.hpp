// Copies files and trees as Docker's COPY and its filling of volumes do: ownership, modes, xattrs, times, hard links
// (within one copy) and holes are kept; directories merge; a file replaces what is there, never through a link. No
// fsync. Both ends are resolved inside their roots (openat2), so that links in them lead nowhere else.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "berth/base/error.hpp"

namespace berth::sys {

struct CopyOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};

enum class CopyFilter {
  Take,
  Skip,     // a directory: with all below it
  Descend,  // a directory: made only if something below it is taken
};

struct CopyOptions {
  std::optional<CopyOwner> owner;                                  // of all that is copied and of parents that are made
  std::function<mode_t(mode_t mode, bool directory)> change_mode;  // not for links and parents
  std::function<CopyFilter(const std::string& path, bool directory)> filter;  // path relative to the source
  // Where a tree's root meets an existing directory: keep the directory's own metadata (COPY), or take the source's
  // (volumes).
  bool keep_root_metadata = true;
  // Link regular files instead of copying where nothing about them changes. Only for sources that are never written
  // again (a committed layer) on the same file system; falls back to copying.
  bool hard_link = false;
  // Out of a container onto the host: what the kernel shows as files (/proc, /sys and the like) and device nodes are
  // left out; set-id bits and file capabilities are not taken over.
  bool from_container = false;
  // The same tree in another place, as a volume that moves: every extended attribute, and hard links however many there
  // are. Nobody else may reach the destination meanwhile.
  bool exact = false;
  bool overlay_marks = false;  // opaque directories stay opaque: from one overlay's upper directory to another's
};

struct CopyStats {
  std::uint64_t entries = 0;
  std::uint64_t linked = 0;
  std::int64_t bytes = 0;
};

// A directory's content goes into the directory `destination` (made with parents, 0755); a file, link or node becomes
// `destination`, or goes below it under its own name where it is a directory or ends in `/`. A source that is itself a
// link is followed inside its root.
Result<CopyStats> copy_tree(int source_root, const std::string& source, int destination_root,
                            const std::string& destination, const CopyOptions& options = {});

// `path` once the links at its end are followed inside the root; what it names need not exist.
Result<std::string> follow_links(int root, std::string path);

// What lies at a path, without following a link at its end.
enum class EntryKind { Nothing, File, Directory, Link, Other };
Result<EntryKind> kind_in_root(int root, const std::string& path);
// Makes `destination` a link like the one that `source` is. A file or link that is there gives way.
Result<void> copy_link(int source_root, const std::string& source, int destination_root, const std::string& destination,
                       const std::optional<CopyOwner>& owner);

// Whether the directory belongs to the kernel (proc, sysfs, cgroups, ...) instead of to a disk or memory.
bool is_kernel_file_system(int directory);

}  // namespace berth::sys
