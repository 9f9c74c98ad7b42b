#include "gzip_writer.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace berth::registry {
namespace {

constexpr int kFastest = 1;
constexpr unsigned kMostPackers = 4;
constexpr std::size_t kBlocksOfPacker = 2;  // one is packed while the other is filled or written

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
};

}  // namespace

struct GzipWriter::State {
  enum class Stage { Empty, Filled, Packed, Over };

  // Goes round: Empty ─filled by the writer─▶ Filled ─by its packer─▶ Packed ─passed on by the writer─▶ Empty. Who is
  // to change it next owns what is in it.
  struct Block {
    std::string bytes;
    std::vector<char> packed;
    std::size_t size = 0;  // of what is packed; 0: it could not be
    std::atomic<Stage> stage{Stage::Empty};

    void become(Stage next) {
      stage = next;
      stage.notify_all();
    }
  };

  static void pack(libdeflate_compressor* compressor, Block& block) {
    block.size = 0;
    if (compressor) {
      block.packed.resize(libdeflate_gzip_compress_bound(compressor, block.bytes.size()));
      block.size = libdeflate_gzip_compress(compressor, block.bytes.data(), block.bytes.size(), block.packed.data(),
                                            block.packed.size());
    }
    block.bytes.clear();
  }

  Sink sink;
  std::vector<Block> blocks;
  std::size_t at = 0;  // the block that is being filled; those after it, round to it, are older
  bool any = false;
  std::vector<std::jthread> packers;

  void start() {
    const std::size_t wanted = std::clamp(std::thread::hardware_concurrency(), 1u, kMostPackers);
    blocks = std::vector<Block>(wanted * kBlocksOfPacker);
    try {
      for (std::size_t i = 0; i < wanted; ++i) packers.emplace_back([this, i, wanted] { run(i, wanted); });
    } catch (const std::system_error&) {
      stop();  // blocks without a packer would wait for ever
    }
  }
  // Each block belongs to one packer, so that nobody has to agree with anybody.
  void run(std::size_t first, std::size_t step) {
    const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(libdeflate_alloc_compressor(kFastest));
    for (std::size_t i = first;; i = (i + step) % blocks.size()) {
      Block& block = blocks[i];
      for (Stage now = block.stage; now != Stage::Filled; now = block.stage) {
        if (now == Stage::Over) return;
        block.stage.wait(now);
      }
      pack(compressor.get(), block);
      block.become(Stage::Packed);
    }
  }
  void stop() {
    for (auto& block : blocks) {
      while (block.stage == Stage::Filled) block.stage.wait(Stage::Filled);
      block.become(Stage::Over);
    }
    packers.clear();
  }

  // The block that is filled next, after what was in it has been passed on.
  Result<Block*> next() {
    if (packers.empty()) return Error::make(ErrorKind::Busy, "a layer could not be compressed: no thread is to be had");
    Block& block = blocks[at];
    BERTH_TRY(pass_on(block));
    return &block;
  }
  Result<void> pass_on(Block& block) {
    while (block.stage == Stage::Filled) block.stage.wait(Stage::Filled);
    if (block.stage != Stage::Packed) return {};
    if (block.size == 0) return Error::make(ErrorKind::Failed, "a layer could not be compressed");
    BERTH_TRY(sink({block.packed.data(), block.size}));
    block.become(Stage::Empty);
    return {};
  }
  void hand_over(Block& block) {
    any = true;
    block.become(Stage::Filled);
    at = (at + 1) % blocks.size();
  }
};

GzipWriter::GzipWriter(Sink sink) : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  state_->start();
}

GzipWriter::~GzipWriter() { state_->stop(); }

Result<void> GzipWriter::add(std::string_view bytes) {
  while (!bytes.empty()) {
    auto block = state_->next();
    if (!block) return block.error();
    std::string& filled = (*block)->bytes;
    const auto piece = bytes.substr(0, kBlock - filled.size());
    filled.reserve(kBlock);
    filled += piece;
    bytes.remove_prefix(piece.size());
    if (filled.size() == kBlock) state_->hand_over(**block);
  }
  return {};
}

Result<void> GzipWriter::finish() {
  auto last = state_->next();
  if (!last) return last.error();
  if (!(*last)->bytes.empty() || !state_->any) state_->hand_over(**last);
  for (std::size_t i = 0; i < state_->blocks.size(); ++i)
    BERTH_TRY(state_->pass_on(state_->blocks[(state_->at + i) % state_->blocks.size()]));
  return {};
}

}  // namespace berth::registry
