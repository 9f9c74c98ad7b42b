#include "gzip_writer.hpp"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <string>

namespace berth::registry {
namespace {

std::string packed(const std::string& text, std::size_t step) {
  std::string out;
  GzipWriter gzip([&](std::string_view bytes) -> Result<void> {
    out += bytes;
    return {};
  });
  for (std::size_t at = 0; at < text.size(); at += step) EXPECT_TRUE(gzip.add(std::string_view(text).substr(at, step)));
  EXPECT_TRUE(gzip.finish());
  return out;
}

// All members after each other.
std::string unpacked(std::string_view bytes) {
  std::string out;
  auto* decompressor = libdeflate_alloc_decompressor();
  while (!bytes.empty()) {
    std::string piece(GzipWriter::kBlock, '\0');
    std::size_t used = 0, made = 0;
    if (libdeflate_gzip_decompress_ex(decompressor, bytes.data(), bytes.size(), piece.data(), piece.size(), &used,
                                      &made) != LIBDEFLATE_SUCCESS) {
      ADD_FAILURE() << "no gzip";
      break;
    }
    out += piece.substr(0, made);
    bytes.remove_prefix(used);
  }
  libdeflate_free_decompressor(decompressor);
  return out;
}

std::string text_of(std::size_t length) {
  std::string out(length, ' ');
  std::uint32_t state = 7;
  for (auto& c : out) c = static_cast<char>('a' + (state = state * 1664525 + 1013904223) / (1u << 29));
  return out;
}

TEST(GzipWriter, UnpacksToWhatWasPacked) {
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, GzipWriter::kBlock - 1, GzipWriter::kBlock,
                                   GzipWriter::kBlock + 1, 21 * GzipWriter::kBlock + 5}) {
    const std::string text = text_of(length);
    const std::string gzip = packed(text, 100'000);
    EXPECT_EQ(unpacked(gzip), text) << length;
    EXPECT_FALSE(gzip.empty()) << "nothing is a member, too";
  }
}

TEST(GzipWriter, MakesTheSameOfTheSameHoweverItComes) {
  const std::string text = text_of(5 * GzipWriter::kBlock + 77);
  EXPECT_EQ(packed(text, 4096), packed(text, 3 * GzipWriter::kBlock));
}

TEST(GzipWriter, EndsWhereTheSinkFails) {
  int calls = 0;
  GzipWriter gzip([&](std::string_view) -> Result<void> {
    return ++calls < 3 ? Result<void>() : Error::make(ErrorKind::NoSpace, "full");
  });
  const std::string text = text_of(GzipWriter::kBlock);
  Result<void> added;
  for (int i = 0; i < 100 && added; ++i) added = gzip.add(text);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind(), ErrorKind::NoSpace);
}

}  // namespace
}  // namespace berth::registry
