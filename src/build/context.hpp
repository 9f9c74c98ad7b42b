// The build context as content: which files a COPY takes and what they hash to. Walked once per build; content hashes
// are kept in an index by (inode, size, times, mode), so that an unchanged file is not read again. As in git, an entry
// whose times are within two seconds of the index's own is not trusted: the file may change once more within the
// clock's granule.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/dockerfile/ignore.hpp"
#include "berth/sys/tree_copy.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::build {

std::string joined_path(const std::string& directory, const std::string& path);  // "." is neutral
// What a walk does with a path that rules may hide.
sys::CopyFilter verdict_of(const dockerfile::IgnoreRules& rules, const std::string& path, bool directory);
// The rules of a .dockerignore; none where there is no such file.
Result<dockerfile::IgnoreRules> read_ignore_file(const std::string& path);

// Clamped to the root: `/a`, `./a` and `../a` are all `a`; the root itself is ".".
std::string clamped_path(const std::string& written);

class Context {
 public:
  // `index_path`: where the index is kept.
  static Result<Context> open(const std::string& directory, dockerfile::IgnoreRules rules, std::string index_path);

  int fd() const noexcept { return root_.get(); }
  const dockerfile::IgnoreRules& rules() const noexcept { return rules_; }
  // Paths (relative, sorted) that one COPY source names; a wildcard may name none.
  std::vector<std::string> expand(const std::string& pattern) const;
  // The same where `**` stands for any depth (COPY --parents). ErrorKind::Invalid for a pattern with a mistake.
  Result<std::vector<std::string>> expand_deep(const std::string& pattern) const;
  bool contains(const std::string& path) const;  // "." always
  // Where a source really lies: symbolic links on the way and at its end are followed inside the context.
  std::string real_path(const std::string& path) const;
  bool ignored(const std::string& path) const { return rules_.ignores(path); }
  // For a walk that copies `real` (links followed): whether what it calls `path` is part of the context.
  sys::CopyFilter verdict(const std::string& real, const std::string& path, bool directory) const;
  // Digest of the path and all below it: names, types, modes, link targets, content; without what `excluded` names,
  // counted from the path.
  Result<std::string> digest(const std::string& path, const dockerfile::IgnoreRules& excluded = {});
  // Writes the index if anything in it changed; failing to is no failure of the build.
  void save() const;

 private:
  struct Entry {
    std::uint64_t inode = 0;
    std::int64_t size = 0, mtime = 0, ctime = 0;
    std::uint32_t mode = 0;
    std::string hash;  // content or link target; empty: not known yet
  };
  Result<void> walk(const std::string& directory, const dockerfile::IgnoreRules::State& state, bool shown);
  void load();

  sys::UniqueFd root_;
  std::string directory_, index_path_;
  dockerfile::IgnoreRules rules_;
  std::map<std::string, Entry> entries_;
  bool changed_ = false;
};

}  // namespace berth::build
