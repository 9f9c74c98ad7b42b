// Tars that we write: read back by our own reader, entry by entry, and unpacked again.
#include "berth/image/save.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "berth/base/random.hpp"
#include "berth/image/layer_tar.hpp"
#include "berth/image/tar_reader.hpp"
#include "berth/sys/file.hpp"
#include "store_state.hpp"

namespace berth::image {
namespace {

namespace fs = std::filesystem;

struct ReadEntry {
  TarEntry entry;
  std::string content;
};

std::map<std::string, ReadEntry> read_tar(const std::string& bytes) {
  std::size_t at = 0;
  TarReader reader([&](char* into, std::size_t length) -> Result<std::size_t> {
    const std::size_t taken = std::min(length, bytes.size() - at);
    bytes.copy(into, taken, at);
    at += taken;
    return taken;
  });
  std::map<std::string, ReadEntry> out;
  TarEntry entry;
  while (must(reader.next(entry))) {
    std::string content(static_cast<std::size_t>(entry.size), '\0');
    for (std::size_t got = 0; got < content.size();)
      got += must(reader.read(content.data() + got, content.size() - got));
    EXPECT_TRUE(out.emplace(entry.path, ReadEntry{entry, content}).second) << entry.path;
    entry = {};
  }
  return out;
}

class Save : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    dir_ = ::testing::TempDir() + "berth-save-" + random_hex(6);
    must(sys::make_directories(dir_ + "/layer", 0755));
    ASSERT_EQ(::chmod((dir_ + "/layer").c_str(), 0755), 0);
  }
  void TearDown() override {
    if (!dir_.empty()) must(sys::remove_tree(dir_));
  }
  std::string tar_of(const std::string& directory) {
    std::string out;
    must(write_layer_tar(directory, [&](std::string_view bytes) -> Result<void> {
      out += bytes;
      return {};
    }));
    return out;
  }
  std::string dir_;
};

TEST_F(Save, WritesALayerAsTheImageSpecWantsIt) {
  const std::string layer = dir_ + "/layer";
  fs::create_directories(layer + "/etc/opaque");
  std::ofstream(layer + "/etc/f") << "content";
  fs::create_hard_link(layer + "/etc/f", layer + "/etc/g");
  fs::create_symlink("f", layer + "/etc/s");
  ASSERT_EQ(::mknod((layer + "/etc/gone").c_str(), S_IFCHR, 0), 0);
  ASSERT_EQ(::mknod((layer + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(::setxattr((layer + "/etc/opaque").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  ASSERT_EQ(::setxattr((layer + "/etc/f").c_str(), "trusted.other", "x", 1, 0), 0);
  ASSERT_EQ(::chown((layer + "/etc/f").c_str(), 7, 8), 0);
  const auto read = read_tar(tar_of(layer));
  std::vector<std::string> names;
  for (const auto& [name, entry] : read) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"etc/", "etc/.wh.gone", "etc/f", "etc/g", "etc/opaque/",
                                             "etc/opaque/.wh..wh..opq", "etc/s", "null"}));
  EXPECT_EQ(read.at("etc/f").content, "content");
  EXPECT_EQ(read.at("etc/f").entry.uid, 7u);
  EXPECT_TRUE(read.at("etc/f").entry.xattrs.empty());
  EXPECT_EQ(read.at("etc/g").entry.type, TarType::HardLink);
  EXPECT_EQ(read.at("etc/g").entry.link, "etc/f");
  EXPECT_EQ(read.at("null").entry.device_minor, 3u);
  EXPECT_EQ(tar_of(layer), tar_of(layer));
  ASSERT_EQ(::chmod(layer.c_str(), 0700), 0);
  EXPECT_EQ(read_tar(tar_of(layer)).at("./").entry.mode, 0700u);
}

TEST_F(Save, MakesAnArchiveInWhichEveryDigestIsRight) {
  auto store = must(ImageStore::open(dir_ + "/root"));
  std::vector<LayerId> layers;
  for (const char* name : {"one", "two"}) {
    auto draft = must(store.begin_layer());
    std::ofstream(draft.upper() + "/" + name) << name;
    layers.push_back(must(store.commit_layer(std::move(draft))));
  }
  oci::ImageConfig config = oci::host_image_config();
  config.config.cmd = std::vector<std::string>{"/one"};
  must(store.put_image(config, layers, {"saved:1", "quay.io/a/b"}));
  must(store.put_image(config, {layers[0]}, {"short"}));
  const std::string path = dir_ + "/out.tar";
  const auto save = [&](const std::vector<std::string>& names) {
    const auto file = must(sys::open(path, O_RDWR | O_CREAT | O_TRUNC));
    must(save_images(store, names, file.get()));
    return read_tar(must(sys::read_file(path)));
  };
  const auto read = save({"saved:1", "quay.io/a/b", "short"});
  const auto parsed = [&](const std::string& name) { return boost::json::parse(read.at(name).content).as_object(); };
  const auto blob = [](const boost::json::value& digest) {
    return "blobs/sha256/" + std::string(digest.as_string()).substr(7);
  };
  for (const auto& [name, entry] : read)
    if (name.starts_with("blobs/sha256/") && name.size() > 13) {
      EXPECT_EQ(sha256_hex(entry.content), name.substr(13));
    }
  const auto index = parsed("index.json").at("manifests").as_array();
  ASSERT_EQ(index.size(), 3u);
  EXPECT_EQ(index[0].at("digest"), index[1].at("digest"));
  EXPECT_EQ(index[0].at("annotations").at("io.containerd.image.name"), "docker.io/library/saved:1");
  const auto manifest = parsed(blob(index[0].at("digest")));
  const auto saved = parsed(blob(manifest.at("config").at("digest")));
  EXPECT_FALSE(saved.contains("berth.layers"));
  const auto& diff_ids = saved.at("rootfs").at("diff_ids").as_array();
  ASSERT_EQ(diff_ids.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(manifest.at("layers").at(i).at("digest"), diff_ids[i]);
    EXPECT_EQ(manifest.at("layers").at(i).at("size"),
              static_cast<std::int64_t>(read.at(blob(diff_ids[i])).content.size()));
  }
  EXPECT_EQ(read_tar(read.at(blob(diff_ids[0])).content).at("one").content, "one");
  const auto docker = boost::json::parse(read.at("manifest.json").content).as_array();
  ASSERT_EQ(docker.size(), 2u);
  EXPECT_EQ(boost::json::serialize(docker[0].at("RepoTags")), R"(["saved:1","quay.io/a/b:latest"])");
  EXPECT_EQ(docker[0].at("Layers").as_array().size(), 2u);
  EXPECT_EQ(docker[1].at("Layers").as_array()[0], docker[0].at("Layers").as_array()[0]);
  const auto by_id = save({must(store.find("short")).value});
  EXPECT_NE(by_id.at("manifest.json").content.find("\"RepoTags\":[]"), std::string::npos);
  EXPECT_FALSE(save_images(store, {"nothing"}, 1));
}

TEST_F(Save, KeepsTheDiffIdAndRefusesALayerThatIsNotWhatItWas) {
  auto store = must(ImageStore::open(dir_ + "/root"));
  auto draft = must(store.begin_layer());
  std::ofstream(draft.upper() + "/f") << "1";
  const auto layer = must(store.commit_layer(std::move(draft)));
  must(store.put_image(oci::host_image_config(), {layer}, {"x"}));
  const auto first = must(store.ensure_diff_id(layer));
  std::ofstream(must(store.layer_directory(layer)) + "/f") << "2";
  EXPECT_EQ(must(store.ensure_diff_id(layer)).diff_id, first.diff_id);
  const auto file = must(sys::open(dir_ + "/out", O_RDWR | O_CREAT));
  const auto saved = save_images(store, {"x"}, file.get());
  ASSERT_FALSE(saved);
  EXPECT_NE(saved.error().to_string().find("is not what it was"), std::string::npos) << saved.error().to_string();
}

}  // namespace
}  // namespace berth::image
