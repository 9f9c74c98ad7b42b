#include "blob_download.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "berth/image/sha256.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/inotify.hpp"
#include "berth/sys/tcp_client.hpp"

namespace berth::registry {
namespace {

// The file on disk, its length and the digest of what is in it so far.
class PartFile {
 public:
  explicit PartFile(sys::UniqueFd file) : file_(std::move(file)) {}

  // What is there counts only after it has been read again.
  Result<void> take_up(std::int64_t whole) {
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) return Error::system(errno, "stat", "a download");
    if (info.st_size > whole) return start_over();
    std::vector<char> buffer(256 * 1024);
    while (size_ < info.st_size) {
      const ssize_t n = ::pread(file_.get(), buffer.data(), buffer.size(), size_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::system(errno, "read", "a download");
      if (n == 0) break;
      sum_.add({buffer.data(), static_cast<std::size_t>(n)});
      size_ += n;
    }
    return at_end();
  }
  Result<void> start_over() {
    if (::ftruncate(file_.get(), 0) != 0) return Error::system(errno, "truncate", "a download");
    size_ = 0;
    sum_ = image::Sha256();
    return at_end();
  }
  Result<void> add(std::string_view bytes) {
    BERTH_TRY(sys::write_all(file_.get(), bytes, "a download"));
    sum_.add(bytes);
    size_ += static_cast<std::int64_t>(bytes.size());
    return {};
  }
  std::int64_t size() const { return size_; }
  std::string digest() { return "sha256:" + sum_.hex(); }
  sys::UniqueFd release() { return std::move(file_); }

 private:
  Result<void> at_end() {
    if (::lseek(file_.get(), size_, SEEK_SET) < 0) return Error::system(errno, "seek in", "a download");
    return {};
  }
  sys::UniqueFd file_;
  std::int64_t size_ = 0;
  image::Sha256 sum_;
};

bool is_still_there(int file, const std::string& path) {
  struct stat mine {
  }, there{};
  return ::fstat(file, &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino &&
         mine.st_dev == there.st_dev;
}

// Locked; nothing where another process had it, which has ended its work with it by now.
Result<sys::UniqueFd> open_part(const DownloadTask& task) {
  for (;;) {
    auto file = sys::open(task.part, O_RDWR | O_CREAT, 0600);
    if (!file) return file.error();
    if (::flock(file->get(), LOCK_EX | LOCK_NB) == 0) {
      if (is_still_there(file->get(), task.part)) return file;
      continue;  // it was finished and removed in between
    }
    if (errno != EWOULDBLOCK) return Error::system(errno, "lock", task.part);
    auto changes = sys::Inotify::create();
    if (!changes) return changes.error();
    const auto watch = changes->add_end_of_writing(task.part);
    if (!watch && watch.error().kind() == ErrorKind::NotFound) return sys::UniqueFd();
    if (!watch) return watch.error();
    if (::flock(file->get(), LOCK_EX | LOCK_NB) == 0) continue;  // before the watch began
    file->reset();                                               // closing it must not wake ourselves
    BERTH_TRY(sys::await_ready(changes->fd(), sys::Ready::Read, std::chrono::hours(24), task.stop_fd));
    return sys::UniqueFd();
  }
}

class Download {
 public:
  Download(Session& session, const DownloadTask& task, const ByteProgress& progress, sys::UniqueFd file)
      : session_(session), task_(task), progress_(progress), part_(std::move(file)) {}

  Result<sys::UniqueFd> run() {
    BERTH_TRY(part_.take_up(task_.blob.size));
    const bool resumed = part_.size() > 0;
    progress_(part_.size());
    if (auto fetched = fetch_rest(); !fetched) {
      if (wrong_) ::unlink(task_.part.c_str());
      return fetched.error();
    }
    if (part_.digest() == task_.blob.digest) return part_.release();
    // What was kept from an earlier time may be what is wrong: once more from the beginning.
    BERTH_TRY(part_.start_over());
    if (resumed || came_in_pieces_) {
      BERTH_TRY(fetch_rest());
      if (part_.digest() == task_.blob.digest) return part_.release();
    }
    ::unlink(task_.part.c_str());
    return Error::make(ErrorKind::Protocol, "what came is not what the digest " + task_.blob.digest + " says");
  }

 private:
  Result<void> fetch_rest() {
    while (part_.size() < task_.blob.size) {
      auto response =
          session_.perform([this] { return request(); }, [this](const HttpResponse& head) { return on_head(head); },
                           [this] { return std::exchange(moved_, false); });
      if (!response) return response.error();
      if (response->status == 416 && part_.size() > 0) {
        BERTH_TRY(part_.start_over());
        continue;
      }
      if (response->status == 404 && next_url_ < task_.blob.urls.size()) {
        ++next_url_;
        continue;
      }
      if (!response->is_good()) return session_.refusal(*response, "fetching " + task_.blob.digest.substr(0, 19));
      // Less than announced without a word about it: the connection's end was the body's end.
      if (part_.size() < task_.blob.size && ++short_answers_ > kMostShortAnswers)
        return Error::make(ErrorKind::Protocol, "the registry sends " + std::to_string(part_.size()) + " bytes of " +
                                                    std::to_string(task_.blob.size));
      came_in_pieces_ = came_in_pieces_ || part_.size() < task_.blob.size;
    }
    return {};
  }

  Result<Request> request() {
    Request out;
    out.path = "/v2/" + task_.repository + "/blobs/" + task_.blob.digest;
    if (next_url_ > 0) {
      auto url = parse_url(task_.blob.urls[next_url_ - 1]);
      if (!url) return url.error().while_doing("reading where the layer lies");
      out.at = std::move(*url);
    }
    if (part_.size() > 0) {
      came_in_pieces_ = true;
      out.headers.push_back({"Range", "bytes=" + std::to_string(part_.size()) + "-"});
    }
    return out;
  }

  BodySink on_head(const HttpResponse& head) {
    if (head.status != 200 && head.status != 206) return {};
    Result<void> begun;
    if (head.status == 206) {
      const auto range = parse_content_range(head.header("content-range"));
      if (!range || range->first != static_cast<std::uint64_t>(part_.size()))
        begun = Error::make(ErrorKind::Protocol, "the registry sends another part than was asked for");
    } else if (part_.size() > 0) {
      begun = part_.start_over();  // it knows no ranges
    }
    return [this, begun](std::string_view bytes) -> Result<void> {
      if (!begun) return begun.error();
      wrong_ = part_.size() + static_cast<std::int64_t>(bytes.size()) > task_.blob.size;
      if (wrong_)
        return Error::make(ErrorKind::Protocol, "more comes than the " + std::to_string(task_.blob.size) +
                                                    " bytes that the manifest announces");
      BERTH_TRY(part_.add(bytes));
      moved_ = true;
      progress_(part_.size());
      return {};
    };
  }

  static constexpr int kMostShortAnswers = 5;

  Session& session_;
  const DownloadTask& task_;
  const ByteProgress& progress_;
  PartFile part_;
  std::size_t next_url_ = 0;  // 0: the registry itself
  int short_answers_ = 0;
  bool moved_ = false, came_in_pieces_ = false;
  bool wrong_ = false;  // more came than there can be
};

}  // namespace

Result<sys::UniqueFd> download_blob(Session& session, const DownloadTask& task, const ByteProgress& progress) {
  auto part = open_part(task);
  if (!part) return part.error();
  if (!*part) return sys::UniqueFd();
  auto file = Download(session, task, progress, std::move(*part)).run();
  if (file && ::lseek(file->get(), 0, SEEK_SET) < 0) return Error::system(errno, "seek in", "a download");
  return file;
}

}  // namespace berth::registry
