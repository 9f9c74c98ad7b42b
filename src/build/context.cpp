#include "context.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sstream>

#include "berth/dockerfile/glob.hpp"
#include "berth/sys/file.hpp"
#include "digest.hpp"

namespace berth::build {
namespace {

constexpr const char* kIndexVersion = "berth context index 1";
constexpr std::int64_t kRacyGranule = 2'000'000'000;

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

bool below(const std::string& path, const std::string& directory) {
  return directory == "." || path == directory || path.starts_with(directory + "/");
}

Result<std::string> content_hash(int root, const std::string& path, std::uint32_t mode) {
  Digest digest;
  if (S_ISLNK(mode)) {
    char target[4096];
    const ssize_t length = readlinkat(root, path.c_str(), target, sizeof target);
    if (length < 0) return Error::system(errno, "read link", path);
    return digest.raw({target, static_cast<std::size_t>(length)}).hex();
  }
  auto file = sys::open_at(root, path, O_RDONLY | O_NOFOLLOW);
  if (!file) return file.error();
  static thread_local std::string buffer(1 << 18, '\0');
  for (;;) {
    const ssize_t length = read(file->get(), buffer.data(), buffer.size());
    if (length < 0) return Error::system(errno, "read", path);
    if (length == 0) return digest.hex();
    digest.raw({buffer.data(), static_cast<std::size_t>(length)});
  }
}

constexpr std::size_t kLargestIgnoreFile = 4u << 20;

}  // namespace

std::string clamped_path(const std::string& written) {
  std::vector<std::string> kept;
  for (std::size_t at = 0; at <= written.size();) {
    const std::size_t end = std::min(written.find('/', at), written.size());
    const std::string element = written.substr(at, end - at);
    at = end + 1;
    if (element.empty() || element == ".") continue;
    if (element != "..")
      kept.push_back(element);
    else if (!kept.empty())
      kept.pop_back();
  }
  std::string out;
  for (const auto& element : kept) out += (out.empty() ? "" : "/") + element;
  return out.empty() ? "." : out;
}

std::string joined_path(const std::string& directory, const std::string& path) {
  return directory == "." ? path : path == "." ? directory : directory + "/" + path;
}

sys::CopyFilter verdict_of(const dockerfile::IgnoreRules& rules, const std::string& path, bool directory) {
  if (path.empty() || path == "." || rules.empty() || !rules.ignores(path)) return sys::CopyFilter::Take;
  return directory && rules.may_show_below(path) ? sys::CopyFilter::Descend : sys::CopyFilter::Skip;
}

Result<dockerfile::IgnoreRules> read_ignore_file(const std::string& path) {
  if (!sys::exists(path)) return dockerfile::IgnoreRules();
  auto text = sys::read_file(path, kLargestIgnoreFile);
  if (!text) return text.error();
  auto rules = dockerfile::IgnoreRules::parse(*text);
  if (!rules) return rules.error().while_doing("reading " + path);
  return rules;
}

Result<Context> Context::open(const std::string& directory, dockerfile::IgnoreRules rules, std::string index_path) {
  Context out;
  auto root = sys::open(directory, O_PATH | O_DIRECTORY);
  if (!root) return Error::make(ErrorKind::NotFound, "unable to prepare context: path `" + directory + "` not found");
  out.root_ = std::move(*root);
  out.directory_ = directory;
  out.index_path_ = std::move(index_path);
  out.rules_ = std::move(rules);
  BERTH_TRY(out.walk(".", out.rules_.root(), true));
  out.load();
  return out;
}

Result<void> Context::walk(const std::string& directory, const dockerfile::IgnoreRules::State& state, bool shown) {
  auto fd = sys::open_at(root_.get(), directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd) return fd.error();
  DIR* stream = fdopendir(dup(fd->get()));
  if (!stream) return Error::system(errno, "read directory", directory);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(stream);
  for (const std::string& name : names) {
    const std::string path = directory == "." ? name : directory + "/" + name;
    struct stat status {};
    if (fstatat(fd->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return Error::system(errno, "look at", directory_ + "/" + path);
    }
    auto [ignored, inner] = rules_.match(path, state);
    const bool is_directory = S_ISDIR(status.st_mode);
    if (ignored && !(is_directory && rules_.may_show_below(path))) continue;
    if (!ignored)
      entries_[path] = {status.st_ino,
                        S_ISREG(status.st_mode) ? status.st_size : 0,
                        nanoseconds(status.st_mtim),
                        nanoseconds(status.st_ctim),
                        status.st_mode,
                        {}};
    if (is_directory) BERTH_TRY(walk(path, inner, shown && !ignored));
  }
  return {};
}

// Lines: inode size mtime ctime mode hash path; newlines in paths make an entry that matches nothing.
void Context::load() {
  auto text = sys::read_file(index_path_, 256u << 20);
  if (!text) return;
  std::istringstream lines(*text);
  std::string line;
  if (!std::getline(lines, line) || line != kIndexVersion) return;
  std::int64_t written = 0;
  lines >> written;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    Entry known;
    std::string path;
    if (!(fields >> known.inode >> known.size >> known.mtime >> known.ctime >> known.mode >> known.hash)) continue;
    fields.get();
    std::getline(fields, path);
    const auto at = entries_.find(path);
    if (at == entries_.end()) continue;
    Entry& now = at->second;
    const bool same = known.inode == now.inode && known.size == now.size && known.mtime == now.mtime &&
                      known.ctime == now.ctime && known.mode == now.mode;
    if (same && std::max(known.mtime, known.ctime) < written - kRacyGranule) now.hash = known.hash;
  }
}

void Context::save() const {
  if (!changed_) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::ostringstream out;
  out << kIndexVersion << '\n' << std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() << '\n';
  for (const auto& [path, entry] : entries_)
    if (!entry.hash.empty())
      out << entry.inode << ' ' << entry.size << ' ' << entry.mtime << ' ' << entry.ctime << ' ' << entry.mode << ' '
          << entry.hash << ' ' << path << '\n';
  const auto slash = index_path_.rfind('/');
  if (slash != std::string::npos && !sys::make_directories(index_path_.substr(0, slash))) return;
  (void)sys::write_file_atomic(index_path_, out.str(), sys::Durability::Volatile);
}

bool Context::contains(const std::string& path) const {
  if (path == ".") return true;
  const auto at = entries_.lower_bound(path);
  if (at != entries_.end() && below(at->first, path)) return true;
  const auto inside = entries_.lower_bound(path + "/");
  return inside != entries_.end() && inside->first.starts_with(path + "/");
}

std::vector<std::string> Context::expand(const std::string& pattern) const {
  std::vector<std::string> found;
  std::vector<std::string_view> want;
  const auto split = [](std::string_view text, std::vector<std::string_view>& into) {
    into.clear();
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('/', at), text.size());
      into.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  };
  split(pattern, want);
  std::vector<std::string_view> have;
  for (const auto& [path, entry] : entries_) {
    split(path, have);
    bool all = have.size() == want.size();
    for (std::size_t i = 0; all && i < have.size(); ++i) all = dockerfile::match_element(want[i], have[i]);
    if (all) found.push_back(path);
  }
  return found;
}

std::string Context::real_path(const std::string& path) const {
  constexpr int kMostLinks = 40;  // as the kernel's MAXSYMLINKS
  std::string now = path;
  int links = 0;
  for (std::size_t end = 0; end != std::string::npos && end < now.size();) {
    end = now.find('/', end + 1);
    const std::string part = now.substr(0, end);
    const auto entry = entries_.find(part);
    if (entry == entries_.end() || !S_ISLNK(entry->second.mode)) continue;
    char target[4096];
    const ssize_t length = readlinkat(root_.get(), part.c_str(), target, sizeof target);
    if (length < 0 || ++links > kMostLinks) return path;
    const std::string text(target, static_cast<std::size_t>(length));
    const std::string rest = end == std::string::npos ? "" : now.substr(end);
    const auto slash = part.rfind('/');
    const std::string directory = slash == std::string::npos || text.starts_with('/') ? "" : part.substr(0, slash + 1);
    now = clamped_path(directory + text + rest);
    end = 0;
  }
  return now;
}

sys::CopyFilter Context::verdict(const std::string& real, const std::string& path, bool directory) const {
  const auto entry = entries_.find(real);
  // A walk calls a single file by its name alone.
  if (entry != entries_.end() && !S_ISDIR(entry->second.mode)) return verdict_of(rules_, real, directory);
  return path.empty() || path == "." ? sys::CopyFilter::Take : verdict_of(rules_, joined_path(real, path), directory);
}

Result<std::vector<std::string>> Context::expand_deep(const std::string& pattern) const {
  auto compiled = dockerfile::PathPattern::compile(pattern);
  if (!compiled) return compiled.error();
  std::vector<std::string> found;
  for (const auto& [path, entry] : entries_)
    if (compiled->matches(path)) found.push_back(path);
  return found;
}

Result<std::string> Context::digest(const std::string& path, const dockerfile::IgnoreRules& excluded) {
  Digest digest;
  const auto begin = path == "." ? entries_.begin() : entries_.lower_bound(path);
  for (auto at = begin; at != entries_.end(); ++at) {
    if (!below(at->first, path)) {
      // Siblings such as `a.b` sort between `a` and `a/x`.
      if (!at->first.starts_with(path)) break;
      continue;
    }
    Entry& entry = at->second;
    const std::string inside = at->first.substr(path == "." ? 0 : std::min(path.size() + 1, at->first.size()));
    if (!excluded.empty() && excluded.ignores(inside.empty() ? path.substr(path.rfind('/') + 1) : inside)) continue;
    if (entry.hash.empty() && (S_ISREG(entry.mode) || S_ISLNK(entry.mode))) {
      auto hash = content_hash(root_.get(), at->first, entry.mode);
      if (!hash) return hash.error();
      entry.hash = std::move(*hash);
      changed_ = true;
    }
    digest.field(at->first.substr(path == "." ? 0 : std::min(path.size(), at->first.size())));
    digest.field(std::to_string(entry.mode)).field(entry.hash);
  }
  return digest.hex();
}

}  // namespace berth::build
