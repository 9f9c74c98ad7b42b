// What the writer writes, our own reader must read as it was.
#include "berth/image/tar_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"

namespace berth::image {
namespace {

TarWriter::Sink into(std::string& archive) {
  return [&archive](std::string_view bytes) -> Result<void> {
    archive += bytes;
    return {};
  };
}

struct Found {
  TarEntry entry;
  std::string content;
};

std::vector<Found> entries_of(const std::string& archive) {
  std::size_t at = 0;
  TarReader reader([&](char* buffer, std::size_t length) -> Result<std::size_t> {
    const std::size_t piece = std::min(length, archive.size() - at);
    std::memcpy(buffer, archive.data() + at, piece);
    at += piece;
    return piece;
  });
  std::vector<Found> all;
  for (Found found; must(reader.next(found.entry)); found = {}) {
    char buffer[100];
    while (const auto size = must(reader.read(buffer, sizeof buffer))) found.content.append(buffer, size);
    all.push_back(std::move(found));
  }
  return all;
}

TEST(TarWriter, WhatDoesNotFitAHeaderComesBackWhole) {
  TarEntry entry;
  entry.path = "dir/" + std::string(300, 'n');
  entry.mode = 04755;
  entry.uid = 3'000'000'000u;
  entry.gid = 7;
  entry.size = 5;
  entry.mtime = 1'700'000'000;
  entry.mtime_nanoseconds = 5;
  entry.xattrs["user.note"] = std::string("a\0=\n", 4);
  TarEntry link;
  link.type = TarType::SymbolicLink;
  link.path = "link";
  link.link = std::string(200, 'l');
  std::string archive;
  TarWriter tar(into(archive));
  must(tar.add(entry));
  must(tar.content("he"));
  must(tar.content("llo"));
  must(tar.add(link));
  must(tar.finish());
  EXPECT_EQ(archive.size() % 512, 0u);
  const auto found = entries_of(archive);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].entry.path, entry.path);
  EXPECT_EQ(found[0].entry.mode, entry.mode);
  EXPECT_EQ(found[0].entry.uid, entry.uid);
  EXPECT_EQ(found[0].entry.mtime, entry.mtime);
  EXPECT_EQ(found[0].entry.mtime_nanoseconds, 5u);
  EXPECT_EQ(found[0].entry.xattrs, entry.xattrs);
  EXPECT_EQ(found[0].content, "hello");
  EXPECT_EQ(found[1].entry.link, link.link);
}

TEST(TarWriter, AFileThatShrankIsFilledUpAndOneThatGrewIsRefused) {
  TarEntry entry;
  entry.path = "file";
  entry.size = 700;
  std::string archive;
  TarWriter tar(into(archive));
  must(tar.add(entry));
  must(tar.content("short"));
  EXPECT_FALSE(tar.content(std::string(700, 'x')));
  must(tar.finish());
  const auto found = entries_of(archive);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].content, "short" + std::string(695, '\0'));
}

TEST(TreeArchive, HoldsATreeWithoutFollowingLinks) {
  const std::string top = ::testing::TempDir() + "berth-tree-" + random_hex(6);
  must(sys::make_directories(top + "/sub"));
  must(sys::write_file_atomic(top + "/sub/file", "text", sys::Durability::Volatile));
  ASSERT_EQ(::link((top + "/sub/file").c_str(), (top + "/sub/other").c_str()), 0);
  ASSERT_EQ(::symlink("/etc", (top + "/sub/away").c_str()), 0);
  const auto root = must(sys::open(top, O_RDONLY | O_DIRECTORY));
  std::string archive;
  TarWriter tar(into(archive));
  must(archive_tree(root.get(), "/sub", "named", tar));
  must(sys::remove_tree(top));
  const auto found = entries_of(archive);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].entry.path, "named/");
  EXPECT_EQ(found[0].entry.type, TarType::Directory);
  EXPECT_EQ(found[1].entry.path, "named/away");
  EXPECT_EQ(found[1].entry.link, "/etc");
  EXPECT_EQ(found[2].content, "text");
  EXPECT_EQ(found[3].entry.type, TarType::HardLink);
  EXPECT_EQ(found[3].entry.link, "named/file");
}

}  // namespace
}  // namespace berth::image
