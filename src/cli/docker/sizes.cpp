#include "docker/sizes.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <utility>

#include "berth/text/duration.hpp"

namespace berth::cli::docker {

std::int64_t bytes_below(const std::string& directory) {
  namespace fs = std::filesystem;
  std::int64_t sum = 0;
  std::set<std::pair<dev_t, ino_t>> linked;  // what has several names counts once
  std::error_code failed;
  fs::recursive_directory_iterator at(directory, fs::directory_options::skip_permission_denied, failed), end;
  for (; !failed && at != end; at.increment(failed)) {
    struct stat status;
    if (::lstat(at->path().c_str(), &status) < 0 || !S_ISREG(status.st_mode)) continue;
    if (status.st_nlink > 1 && !linked.emplace(status.st_dev, status.st_ino).second) continue;
    sum += status.st_size;
  }
  return sum;
}

std::int64_t written_by(const App& app, const Found& found) {
  return bytes_below(app.paths.container(found.project(), found.state.id) + "/upper");
}

std::string size_text(std::int64_t bytes) { return text::format_byte_size(ByteSize{bytes}); }

std::string container_size_text(const App& app, const Found& found, const ImageNames& images) {
  const std::int64_t own = written_by(app, found);
  return size_text(own) + " (virtual " + size_text(own + images.size(found.state.spec.image_digest)) + ")";
}

}  // namespace berth::cli::docker
