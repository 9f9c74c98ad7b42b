#include "blob_download.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "berth/sys/file.hpp"
#include "berth/sys/inotify.hpp"
#include "berth/sys/tcp_client.hpp"
#include "part_file.hpp"

namespace berth::registry {
namespace {

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

// Readable as soon as the task is to end, or its helpers are.
class StopOfHelpers {
 public:
  explicit StopOfHelpers(int stop_fd) : event_(::eventfd(0, EFD_CLOEXEC)), either_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (const int fd : {event_.get(), stop_fd}) {
      epoll_event wanted{};
      wanted.events = EPOLLIN;
      if (fd >= 0 && ::epoll_ctl(either_.get(), EPOLL_CTL_ADD, fd, &wanted) != 0) either_.reset();
    }
  }
  bool is_good() const { return event_ && either_; }
  int fd() const { return either_.get(); }
  void stop() {
    const std::uint64_t one = 1;
    (void)!::write(event_.get(), &one, sizeof one);  // cannot fail but where it was stopped 2^64 times
  }

 private:
  sys::UniqueFd event_, either_;
};

// How an answer to a range was none.
enum class NoRange { None, Whole, Other };

// Requests for one range until it is filled. What the registry does with ranges is the caller's business: with
// `on_whole` an answer that holds the blob from its start is taken, after on_whole has made room for it.
class RangeFetch {
 public:
  RangeFetch(Session& session, const DownloadTask& task, PartFile& part, const ByteProgress& progress)
      : session_(session), task_(task), part_(part), progress_(progress) {}

  std::function<Result<void>()> on_whole;
  std::function<void()> on_part;  // it knows ranges
  std::size_t next_url = 0;       // 0: the registry itself

  Result<void> fill(std::size_t range) {
    range_ = range;
    while (!part_.is_filled(range_)) {
      auto response =
          session_.perform([this] { return request(); }, [this](const HttpResponse& head) { return on_head(head); },
                           [this] { return std::exchange(moved_, false); });
      if (!response) return response.error();
      if (response->status == 416) {
        no_range_ = NoRange::Other;
        return Error::make(ErrorKind::Protocol, "the registry has no such part");
      }
      if (response->status == 404 && next_url < task_.blob.urls.size()) {
        ++next_url;
        continue;
      }
      if (!response->is_good()) return session_.refusal(*response, "fetching " + task_.blob.digest.substr(0, 19));
      if (part_.is_filled(range_)) break;
      // Less than announced without a word about it: the connection's end was the body's end.
      came_in_pieces_ = true;
      if (++short_answers_ > kMostShortAnswers)
        return Error::make(ErrorKind::Protocol, "the registry sends " + std::to_string(part_.got()) + " bytes of " +
                                                    std::to_string(task_.blob.size));
    }
    return {};
  }
  // Of the last fill() that failed.
  NoRange no_range() const { return no_range_; }
  bool came_too_much() const { return too_much_; }
  bool came_in_pieces() const { return came_in_pieces_; }

 private:
  Result<Request> request() {
    Request out;
    out.path = "/v2/" + task_.repository + "/blobs/" + task_.blob.digest;
    if (next_url > 0) {
      auto url = parse_url(task_.blob.urls[next_url - 1]);
      if (!url) return url.error().while_doing("reading where the layer lies");
      out.at = std::move(*url);
    }
    asked_from_ = part_.next(range_);
    const bool to_the_end = part_.end(range_) == part_.whole();
    asked_for_part_ = asked_from_ > 0 || !to_the_end;
    if (asked_for_part_)
      out.headers.push_back({"Range", "bytes=" + std::to_string(asked_from_) + "-" +
                                          (to_the_end ? std::string() : std::to_string(part_.end(range_) - 1))});
    if (asked_from_ > 0) came_in_pieces_ = true;
    return out;
  }

  BodySink refuse_body(NoRange how, const std::string& why) {
    no_range_ = how;
    return [why](std::string_view) -> Result<void> { return Error::make(ErrorKind::Protocol, why); };
  }

  BodySink on_head(const HttpResponse& head) {
    no_range_ = NoRange::None;
    if (head.status == 206) {
      const auto range = parse_content_range(head.header("content-range"));
      const bool fits =
          asked_for_part_ && range && range->first == static_cast<std::uint64_t>(asked_from_) &&
          range->total.value_or(static_cast<std::uint64_t>(part_.whole())) == static_cast<std::uint64_t>(part_.whole());
      if (!fits) return refuse_body(NoRange::Other, "the registry sends another part than was asked for");
      if (on_part) on_part();
    } else if (head.status != 200) {
      return {};
    } else if (asked_for_part_) {
      if (!on_whole) return refuse_body(NoRange::Whole, "the registry knows no ranges");
      if (auto ready = on_whole(); !ready) return [ready](std::string_view) { return ready; };
      range_ = 0;
    }
    return [this](std::string_view bytes) -> Result<void> {
      if (part_.next(range_) + static_cast<std::int64_t>(bytes.size()) > part_.end(range_)) {
        if (part_.count() > 1) no_range_ = NoRange::Other;
        too_much_ = part_.count() == 1;
        return Error::make(ErrorKind::Protocol, "more comes than the " + std::to_string(task_.blob.size) +
                                                    " bytes that the manifest announces");
      }
      BERTH_TRY(part_.add(range_, bytes));
      moved_ = true;
      progress_(part_.got());
      return {};
    };
  }

  static constexpr int kMostShortAnswers = 5;

  Session& session_;
  const DownloadTask& task_;
  PartFile& part_;
  const ByteProgress& progress_;
  std::size_t range_ = 0;
  std::int64_t asked_from_ = 0;
  int short_answers_ = 0;
  bool asked_for_part_ = false, moved_ = false, came_in_pieces_ = false, too_much_ = false;
  NoRange no_range_ = NoRange::None;
};

class Download {
 public:
  Download(Session& session, const DownloadTask& task, const ByteProgress& progress, sys::UniqueFd file)
      : session_(session),
        task_(task),
        progress_(progress),
        part_(std::move(file), task.blob.size),
        fetch_(session, task, part_, progress) {
    fetch_.on_whole = [this]() -> Result<void> {
      end_helpers();
      return part_.start_over();
    };
    fetch_.on_part = [this] { begin_helpers(); };
  }
  ~Download() { end_helpers(); }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  Result<sys::UniqueFd> run() {
    BERTH_TRY(part_.take_up());
    const bool resumed = part_.got() > 0;
    progress_(part_.got());
    auto fetched = fetch_rest();
    end_helpers();
    if (!fetched) {
      if (fetch_.came_too_much()) ::unlink(task_.part.c_str());
      return fetched.error();
    }
    const bool in_pieces = resumed || had_helpers_ || fetch_.came_in_pieces();
    if (part_.digest() == task_.blob.digest) return part_.release();
    // What was kept from an earlier time may be what is wrong, or one of the pieces: once more from the beginning, by
    // one connection.
    BERTH_TRY(part_.start_over());
    if (in_pieces) {
      BERTH_TRY(fetch_rest());
      if (part_.digest() == task_.blob.digest) return part_.release();
    }
    ::unlink(task_.part.c_str());
    return Error::make(ErrorKind::Protocol, "what came is not what the digest " + task_.blob.digest + " says");
  }

 private:
  Result<void> fetch_rest() {
    for (;;) {
      const auto range = part_.claim();
      if (!range && helpers_.empty()) return part_.sum_up();
      if (!range) {  // what they could not do is ours
        join_helpers();
        continue;
      }
      auto filled = fetch_.fill(*range);
      if (filled) {
        BERTH_TRY(part_.sum_up());
        continue;
      }
      if (fetch_.no_range() == NoRange::None || had_no_ranges_) return filled.error();
      // It answers to ranges, but not as it should: from the beginning, and all of it.
      had_no_ranges_ = true;
      end_helpers();
      BERTH_TRY(part_.start_over());
    }
  }

  // Threads of their own rather than workers of the loop: this worker waits for them, and workers that wait for workers
  // can come to a standstill.
  void begin_helpers() {
    if (had_helpers_ || !task_.beside || part_.count() == 1) return;
    stop_ = std::make_unique<StopOfHelpers>(task_.stop_fd);
    if (!stop_->is_good()) return;
    had_helpers_ = true;
    for (int i = 0; i < kConnectionsBeside; ++i) {
      Beside beside = task_.beside(stop_->fd());
      if (!beside.transport) return;
      // One that could not be started leaves the work to those that could.
      try {
        helpers_.emplace_back([this, beside = std::make_shared<Beside>(std::move(beside)), access = session_.access(),
                               retry = session_.on_retry, url = fetch_.next_url] {
          Session session(*beside->transport, access, beside->around);
          session.on_retry = retry;
          RangeFetch fetch(session, task_, part_, progress_);
          fetch.next_url = url;
          while (const auto range = part_.claim())
            if (!fetch.fill(*range)) return part_.give_back(*range);
        });
      } catch (const std::system_error&) {
        return;
      }
    }
  }
  void join_helpers() { helpers_.clear(); }
  void end_helpers() {
    if (stop_) stop_->stop();
    join_helpers();
  }

  Session& session_;
  const DownloadTask& task_;
  const ByteProgress& progress_;
  PartFile part_;
  RangeFetch fetch_;
  bool had_helpers_ = false, had_no_ranges_ = false;
  std::unique_ptr<StopOfHelpers> stop_;
  std::vector<std::jthread> helpers_;
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
