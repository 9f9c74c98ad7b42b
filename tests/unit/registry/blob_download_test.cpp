#include "blob_download.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "berth/async/manual_clock.hpp"
#include "berth/image/sha256.hpp"
#include "berth/sys/file.hpp"
#include "part_file.hpp"

namespace berth::registry {
namespace {

constexpr std::int64_t kWhole = kLargeBlob + (3 << 20) + 5;

const std::string& blob_bytes() {
  static const std::string kBytes = [] {
    std::string out(static_cast<std::size_t>(kWhole), '\0');
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < out.size(); i += 7) out[i] = static_cast<char>(state = state * 1664525 + 1013904223);
    return out;
  }();
  return kBytes;
}

// A registry with one blob, asked by several threads.
struct BlobServer {
  bool knows_ranges = true;
  bool says_wrong_range = false;
  std::int64_t wrong_from = -1;   // answers from there on have a wrong byte at their beginning
  std::int64_t cut_once = -1;     // the answer from there on ends after a megabyte, once
  std::size_t cut_all_after = 0;  // every answer ends after so many bytes, and then nobody answers
  std::atomic<int> requests{0}, with_range{0}, connections{0};
  std::atomic<std::int64_t> sent{0};
  std::atomic<bool> was_cut{false}, is_down{false};
};

class BlobTransport final : public Transport {
 public:
  explicit BlobTransport(BlobServer& server) : server_(server) { ++server_.connections; }

  HttpOutcome exchange(const HttpRequest& request, const OnHead& on_head) override {
    if (server_.is_down) return HttpError(Fault::Unreachable, Error::make(ErrorKind::Failed, "nobody answers"));
    ++server_.requests;
    HttpResponse asked, head;
    asked.headers = request.headers;
    std::int64_t first = 0, end = kWhole;
    const std::string range = asked.header("range");
    if (!range.empty()) ++server_.with_range;
    head.status = 200;
    if (!range.empty() && server_.knows_ranges) {
      const auto dash = range.find('-');
      first = std::stoll(range.substr(6, dash - 6));
      if (dash + 1 < range.size()) end = std::stoll(range.substr(dash + 1)) + 1;
      head.status = 206;
      const std::int64_t said = first + (server_.says_wrong_range ? 1 : 0);
      head.headers.push_back({"Content-Range", "bytes " + std::to_string(said) + "-" + std::to_string(end - 1) + "/" +
                                                   std::to_string(kWhole)});
    }
    const auto sink = on_head(head);
    if (!sink) return head;
    return send(first, end, head, sink);
  }

 private:
  HttpOutcome send(std::int64_t first, std::int64_t end, const HttpResponse& head, const BodySink& sink) {
    std::int64_t stop = end;
    const bool cut = first == server_.cut_once && !server_.was_cut.exchange(true);
    if (cut) stop = first + (1 << 20);
    if (server_.cut_all_after > 0) stop = std::min(end, first + static_cast<std::int64_t>(server_.cut_all_after));
    for (std::int64_t at = first; at < stop;) {
      const auto count = std::min<std::int64_t>(stop - at, 1 << 20);
      std::string piece = blob_bytes().substr(static_cast<std::size_t>(at), static_cast<std::size_t>(count));
      if (server_.wrong_from >= 0 && at == first && first >= server_.wrong_from && head.status == 206) piece[0] ^= 1;
      if (auto taken = sink(piece); !taken) return HttpError(Fault::Local, taken.error());
      server_.sent += count;
      at += count;
    }
    if (server_.cut_all_after > 0) server_.is_down = true;
    if (cut || stop < end) return HttpError(Fault::Broken, Error::make(ErrorKind::Protocol, "ended early"));
    return head;
  }
  BlobServer& server_;
};

class RegistryBlobDownload : public testing::Test {
 protected:
  RegistryBlobDownload() {
    std::string name = (std::filesystem::temp_directory_path() / "berth-blob-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    part_ = folder_ + "/x.part";
    digest_ = "sha256:" + image::sha256_hex(blob_bytes());
  }
  ~RegistryBlobDownload() override { std::filesystem::remove_all(folder_); }

  Surroundings surroundings() const {
    Surroundings around;
    around.time = &clock_;
    around.wall = [] { return std::chrono::system_clock::from_time_t(0); };
    around.random = [] { return 0.0; };
    around.wait = [](std::chrono::milliseconds) -> Result<void> { return {}; };
    return around;
  }
  Result<sys::UniqueFd> download(const std::string& digest) {
    BlobTransport transport(server_);
    auto access = access_to("r.io", false, {});
    access->scheme_known = true;
    Session session(transport, std::move(*access), surroundings());
    DownloadTask task;
    task.repository = "a/b";
    task.blob.digest = digest;
    task.blob.size = kWhole;
    task.part = part_;
    task.beside = [this](int) {
      Beside out;
      out.transport = std::make_unique<BlobTransport>(server_);
      out.around = surroundings();
      return out;
    };
    return download_blob(session, task, [](std::int64_t) {});
  }
  void expect_whole() {
    auto file = download(digest_);
    ASSERT_TRUE(file) << file.error().to_string();
    struct stat info {};
    ASSERT_EQ(::fstat(file->get(), &info), 0);
    EXPECT_EQ(info.st_size, kWhole) << "what is unpacked has no trailer";
    EXPECT_EQ("sha256:" + *image::sha256_of_file(file->get()), digest_);
  }

  async::ManualClock clock_;
  BlobServer server_;
  std::string folder_, part_, digest_;
};

TEST_F(RegistryBlobDownload, FetchesALargeBlobBySeveralConnections) {
  expect_whole();
  EXPECT_EQ(server_.connections, 1 + kConnectionsBeside);
  EXPECT_EQ(server_.requests, static_cast<int>(range_count(kWhole)));
  EXPECT_EQ(server_.sent, kWhole);
}

TEST_F(RegistryBlobDownload, TakesTheWholeFromAServerThatKnowsNoRanges) {
  server_.knows_ranges = false;
  expect_whole();
  EXPECT_EQ(server_.connections, 1);
  EXPECT_EQ(server_.requests, 1);
}

TEST_F(RegistryBlobDownload, AsksForTheWholeWhereRangesAreAnsweredWrongly) {
  server_.says_wrong_range = true;
  expect_whole();
  EXPECT_EQ(server_.connections, 1);
  EXPECT_EQ(server_.with_range, 1);
}

TEST_F(RegistryBlobDownload, GoesOnWithARangeThatEndedEarly) {
  server_.cut_once = kWhole / static_cast<std::int64_t>(range_count(kWhole)) * 2;
  expect_whole();
  EXPECT_TRUE(server_.was_cut);
  EXPECT_EQ(server_.sent, kWhole) << "nothing is fetched twice";
}

TEST_F(RegistryBlobDownload, DoesNotBelieveRangesWhoseBytesAreWrong) {
  server_.wrong_from = kWhole / 2;
  expect_whole();  // by one connection, at last
  EXPECT_EQ(server_.sent, 2 * kWhole);
}

TEST_F(RegistryBlobDownload, KeepsNothingOfWhatTheDigestRefuses) {
  const auto file = download("sha256:" + std::string(64, '0'));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind(), ErrorKind::Protocol);
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(RegistryBlobDownload, FetchesOnlyWhatIsMissingOfEachRange) {
  server_.cut_all_after = 5 << 20;
  ASSERT_FALSE(download(digest_));
  ASSERT_TRUE(std::filesystem::exists(part_));
  const std::int64_t had = server_.sent;
  EXPECT_GE(had, 5 << 20);
  server_.cut_all_after = 0;
  server_.is_down = false;
  server_.sent = 0;
  expect_whole();
  EXPECT_EQ(server_.sent + had, kWhole);
}

TEST_F(RegistryBlobDownload, FetchesAllAgainWhereWhatWasKeptIsWrong) {
  server_.cut_all_after = 5 << 20;
  ASSERT_FALSE(download(digest_));
  server_.cut_all_after = 0;
  server_.is_down = false;
  {
    auto file = sys::open(part_, O_WRONLY);
    ASSERT_EQ(::pwrite(file->get(), "wrong", 5, 100), 5);
  }
  expect_whole();
}

class RegistryPartFile : public testing::Test {
 protected:
  PartFile part() {
    auto file = sys::open(path_, O_RDWR | O_CREAT, 0600);
    return PartFile(std::move(*file), kWhole);
  }
  ~RegistryPartFile() override { ::unlink(path_.c_str()); }
  std::string path_ = (std::filesystem::temp_directory_path() / ("berth-part-" + std::to_string(::getpid()))).string();
};

TEST_F(RegistryPartFile, DividesWithoutGapsAndOnlyWhatIsLarge) {
  EXPECT_EQ(range_count(0), 1u);
  EXPECT_EQ(range_count(kLargeBlob), 1u);
  EXPECT_EQ(range_count(std::int64_t{1} << 40), 16u);
  auto file = part();
  ASSERT_TRUE(file.take_up());
  ASSERT_EQ(file.count(), 4u);
  std::int64_t at = 0;
  for (std::size_t i = 0; i < file.count(); ++i) {
    EXPECT_EQ(file.next(i), at);
    at = file.end(i);
  }
  EXPECT_EQ(at, kWhole);
}

TEST_F(RegistryPartFile, GivesEachRangeToOne) {
  auto file = part();
  ASSERT_TRUE(file.take_up());
  for (std::size_t i = 0; i < file.count(); ++i) EXPECT_EQ(file.claim(), i);
  EXPECT_EQ(file.claim(), std::nullopt);
  file.give_back(2);
  EXPECT_EQ(file.claim(), 2u);
}

TEST_F(RegistryPartFile, RemembersEachRange) {
  {
    auto file = part();
    ASSERT_TRUE(file.take_up());
    ASSERT_TRUE(file.add(0, "abc"));
    ASSERT_TRUE(file.add(3, "defgh"));
  }
  auto again = part();
  ASSERT_TRUE(again.take_up());
  EXPECT_EQ(again.got(), 8);
  EXPECT_EQ(again.next(0), 3);
  EXPECT_EQ(again.end(3) - again.next(3), again.end(3) - again.end(2) - 5);
}

TEST_F(RegistryPartFile, TakesUpWhatCameByOneConnection) {
  std::filesystem::resize_file((std::ofstream(path_).close(), path_), static_cast<std::uintmax_t>(kWhole / 2 + 9));
  auto file = part();
  ASSERT_TRUE(file.take_up());
  EXPECT_EQ(file.got(), kWhole / 2 + 9);
  EXPECT_TRUE(file.is_filled(0));
  EXPECT_TRUE(file.is_filled(1));
  EXPECT_FALSE(file.is_filled(2));
}

TEST_F(RegistryPartFile, BeginsAgainWhereTheTrailerSaysWhatCannotBe) {
  {
    auto file = part();
    ASSERT_TRUE(file.take_up());
    ASSERT_TRUE(file.add(1, "abc"));
  }
  {
    auto raw = sys::open(path_, O_WRONLY);
    const std::uint64_t much = ~std::uint64_t{0};
    ASSERT_EQ(::pwrite(raw->get(), &much, sizeof much, kWhole + 24), 8);
  }
  auto again = part();
  ASSERT_TRUE(again.take_up());
  EXPECT_EQ(again.got(), 0);
  EXPECT_EQ(again.count(), 4u);
}

}  // namespace
}  // namespace berth::registry
