#include "gzip_writer.hpp"

#include <zlib.h>

#include <vector>

namespace berth::registry {
namespace {

constexpr int kFastest = 1;
constexpr int kGzipFormat = 15 + 16;  // the largest window, with gzip's header and trailer
constexpr int kMemoryLevel = 8;

}  // namespace

struct GzipWriter::State {
  z_stream stream{};
  bool good = false;
  std::vector<unsigned char> out = std::vector<unsigned char>(256 * 1024);
  Sink sink;

  ~State() {
    if (good) deflateEnd(&stream);
  }
};

GzipWriter::GzipWriter(Sink sink) : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  state_->good =
      deflateInit2(&state_->stream, kFastest, Z_DEFLATED, kGzipFormat, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
}

GzipWriter::~GzipWriter() = default;

Result<void> GzipWriter::run(bool last) {
  State& s = *state_;
  const auto failed = [] { return Error::make(ErrorKind::Failed, "a layer could not be compressed"); };
  if (!s.good) return failed();
  for (;;) {
    s.stream.next_out = s.out.data();
    s.stream.avail_out = static_cast<unsigned>(s.out.size());
    const int status = deflate(&s.stream, last ? Z_FINISH : Z_NO_FLUSH);
    if (status == Z_STREAM_ERROR) return failed();
    const std::size_t made = s.out.size() - s.stream.avail_out;
    if (made > 0) BERTH_TRY(s.sink({reinterpret_cast<const char*>(s.out.data()), made}));
    if (last ? status == Z_STREAM_END : s.stream.avail_out > 0) return {};
  }
}

Result<void> GzipWriter::add(std::string_view bytes) {
  constexpr std::size_t kMost = 1u << 30;
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, kMost);
    bytes.remove_prefix(piece.size());
    state_->stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));
    state_->stream.avail_in = static_cast<unsigned>(piece.size());
    BERTH_TRY(run(false));
  }
  return {};
}

Result<void> GzipWriter::finish() { return run(true); }

}  // namespace berth::registry
