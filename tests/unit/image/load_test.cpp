// Archives of images into the store: docker's form, the OCI layout, and what is wrong with an archive.
#include "berth/image/load.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "archive_manifest.hpp"
#include "berth/base/random.hpp"
#include "berth/image/save.hpp"
#include "berth/sys/file.hpp"
#include "store_state.hpp"
#include "tar_text.hpp"

namespace berth::image {
namespace {

namespace fs = std::filesystem;
using testing::tar_end;
using testing::tar_entry;

class Load : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    dir_ = ::testing::TempDir() + "berth-load-" + random_hex(6);
    must(sys::make_directories(dir_));
    store_ = std::make_unique<ImageStore>(must(ImageStore::open(dir_ + "/root")));
  }
  void TearDown() override {
    store_.reset();
    if (!dir_.empty()) must(sys::remove_tree(dir_));
  }
  Result<std::vector<LoadedImage>> load(const std::string& bytes) {
    const std::string path = dir_ + "/archive.tar";
    must(sys::write_file_atomic(path, bytes, sys::Durability::Volatile));
    const auto file = must(sys::open(path, O_RDONLY));
    return load_images(*store_, file.get());
  }
  std::string refusal(const std::string& bytes) {
    const auto loaded = load(bytes);
    EXPECT_TRUE(fs::is_empty(dir_ + "/root/images/tmp"));
    return loaded ? "loaded" : loaded.error().to_string();
  }
  std::string dir_;
  std::unique_ptr<ImageStore> store_;
};

const std::string& layer_one() {
  static const std::string tar = tar_entry({.path = "etc/", .type = '5', .mode = 0755}) +
                                 tar_entry({.path = "etc/a", .content = "a"}) +
                                 tar_entry({.path = "etc/gone", .content = "x"}) + tar_end();
  return tar;
}
const std::string& layer_two() {
  static const std::string tar = tar_entry({.path = "etc/", .type = '5', .mode = 0755}) +
                                 tar_entry({.path = "etc/.wh.gone"}) + tar_entry({.path = "b", .content = "b"}) +
                                 tar_end();
  return tar;
}
std::string sha(const std::string& bytes) { return "sha256:" + sha256_hex(bytes); }

std::string config_json() {
  oci::ImageConfig config = oci::host_image_config();
  config.config.cmd = std::vector<std::string>{"/b"};
  config.diff_ids = {sha(layer_one()), sha(layer_two())};
  return oci::to_json(config);
}

// As docker wrote it before it knew the OCI layout.
std::string docker_archive(const std::string& second_layer) {
  return tar_entry({.path = "c.json", .content = config_json()}) +
         tar_entry({.path = "1/layer.tar", .content = layer_one()}) +
         tar_entry({.path = "2/layer.tar", .content = second_layer}) +
         tar_entry(
             {.path = "manifest.json",
              .content =
                  R"([{"Config":"c.json","RepoTags":["old:1","quay.io/a/b:2"],"Layers":["1/layer.tar","2/layer.tar"]}])"}) +
         tar_end();
}

std::string blob(const std::string& bytes) {
  return tar_entry({.path = "blobs/sha256/" + sha256_hex(bytes), .content = bytes});
}

// `platform` of the one manifest, which stands in an index within the index.
std::string oci_archive(const std::string& architecture, const std::string& annotation) {
  const std::string config = config_json();
  const std::string manifest = R"({"schemaVersion":2,"config":{"digest":")" + sha(config) +
                               R"("},"layers":[{"digest":")" + sha(layer_one()) + R"("},{"digest":")" +
                               sha(layer_two()) + R"("}]})";
  const std::string inner =
      R"({"manifests":[{"digest":")" + sha(manifest) +
      R"(","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"os":"linux","architecture":")" +
      architecture + R"("}},{"digest":")" + sha("attestation") +
      R"(","platform":{"os":"unknown","architecture":"unknown"}}]})";
  const std::string index = R"({"manifests":[{"digest":")" + sha(inner) +
                            R"(","mediaType":"application/vnd.oci.image.index.v1+json","annotations":{)" + annotation +
                            "}}]}";
  return tar_entry({.path = "oci-layout", .content = R"({"imageLayoutVersion":"1.0.0"})"}) + blob(config) +
         blob(layer_one()) + blob(layer_two()) + blob(manifest) + blob(inner) +
         tar_entry({.path = "index.json", .content = index}) + tar_end();
}

TEST_F(Load, TakesDockersArchiveWithItsWhiteouts) {
  const auto loaded = must(load(docker_archive(layer_two())));
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].references, (std::vector<std::string>{"old:1", "quay.io/a/b:2"}));
  EXPECT_EQ(must(store_->find("quay.io/a/b:2")), loaded[0].digest);
  EXPECT_EQ(must(store_->config(loaded[0].digest)).config.cmd, (std::vector<std::string>{"/b"}));
  const auto layers = must(store_->layers(loaded[0].digest));
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_TRUE(fs::is_character_file(layers[1].diff + "/etc/gone"));
  EXPECT_FALSE(fs::exists(layers[1].diff + "/etc/.wh.gone"));
  EXPECT_TRUE(fs::is_empty(dir_ + "/root/images/tmp"));
  const auto again = must(load(docker_archive(layer_two())));
  EXPECT_EQ(must(store_->layers(again[0].digest))[0].id, layers[0].id) << "the same bytes are unpacked once";
  EXPECT_EQ(again[0].digest, loaded[0].digest);
}

TEST_F(Load, TakesTheImageForThisMachineOutOfAnOciLayout) {
  const std::string ours = oci::host_image_config().architecture;
  const auto named = must(load(oci_archive(ours, R"("io.containerd.image.name":"docker.io/library/x:5")")));
  ASSERT_EQ(named.size(), 1u);
  EXPECT_EQ(named[0].references, (std::vector<std::string>{"x:5"}));
  EXPECT_TRUE(must(load(oci_archive(ours, R"("org.opencontainers.image.ref.name":"latest")")))[0].references.empty());
  EXPECT_EQ(must(load(oci_archive(ours, R"("org.opencontainers.image.ref.name":"a/b:1")")))[0].references,
            (std::vector<std::string>{"a/b:1"}));
  EXPECT_NE(refusal(oci_archive("s390x", "")).find("no image for this machine"), std::string::npos);
}

TEST_F(Load, TakesWhatWasSaved) {
  must(load(docker_archive(layer_two())));
  const auto out = must(sys::open(dir_ + "/saved.tar", O_RDWR | O_CREAT));
  must(save_images(*store_, {"old:1"}, out.get()));
  auto other = must(ImageStore::open(dir_ + "/other"));
  const auto in = must(sys::open(dir_ + "/saved.tar", O_RDONLY));
  const auto loaded = must(load_images(other, in.get()));
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].references, (std::vector<std::string>{"old:1"}));
  const auto layers = must(other.layers(loaded[0].digest));
  EXPECT_TRUE(fs::is_character_file(layers[1].diff + "/etc/gone"));
  EXPECT_EQ(must(sys::read_file(layers[0].diff + "/etc/a")), "a");
}

TEST_F(Load, LeavesTheImageThatWasSavedHereAsItIs) {
  auto draft = must(store_->begin_layer());
  std::ofstream(draft.upper() + "/made") << "here";
  const LayerId layer = must(store_->commit_layer(std::move(draft)));
  oci::ImageConfig config = oci::host_image_config();
  config.created = "2026-01-02T03:04:05Z";
  config.config.cmd = {"/made"};
  const auto digest = must(store_->put_image(config, {layer}, {"built:1"}));
  const auto out = must(sys::open(dir_ + "/saved.tar", O_RDWR | O_CREAT));
  must(save_images(*store_, {"built:1"}, out.get()));
  const auto in = must(sys::open(dir_ + "/saved.tar", O_RDONLY));
  EXPECT_EQ(must(load_images(*store_, in.get()))[0].digest, digest);
  EXPECT_EQ(must(store_->list()).size(), 1u);
}

TEST_F(Load, RefusesWhatIsNotWhatItsDigestSays) {
  const std::string changed = tar_entry({.path = "b", .content = "evil"}) + tar_end();
  EXPECT_NE(refusal(docker_archive(changed)).find("`2/layer.tar` is damaged"), std::string::npos);
  std::string archive = oci_archive(oci::host_image_config().architecture, "");
  archive.replace(archive.find("\"/b\""), 4, "\"/c\"");  // in the config
  EXPECT_NE(refusal(archive).find("is damaged"), std::string::npos);
}

TEST_F(Load, RefusesArchivesThatLeadElsewhereOrHoldNoImage) {
  std::ofstream(dir_ + "/outside.json") << config_json();
  const auto with_config = [&](const std::string& entry) {
    return entry + tar_entry({.path = "manifest.json", .content = R"([{"Config":"c.json","Layers":[]}])"}) + tar_end();
  };
  EXPECT_NE(
      refusal(with_config(tar_entry({.path = "c.json", .type = '2', .link = dir_ + "/outside.json"}))).find("c.json"),
      std::string::npos);
  EXPECT_NE(refusal(with_config(tar_entry({.path = "c.json", .type = '6'}))).find("is no file"), std::string::npos);
  EXPECT_NE(refusal(with_config(tar_entry({.path = "c.json", .content = config_json()}))).find("speaks of 2 layers"),
            std::string::npos);
  EXPECT_NE(refusal(layer_one()).find("holds no image"), std::string::npos);
  EXPECT_NE(refusal("no tar").find("tar"), std::string::npos);
}

TEST(ArchiveManifest, SaysWhatIsWrong) {
  const auto docker = [](const char* json) {
    const auto images = parse_docker_manifest(json);
    return images ? "fine" : images.error().to_string();
  };
  EXPECT_NE(docker("{").find("is not JSON"), std::string::npos);
  EXPECT_NE(docker("{}").find("not a list of images"), std::string::npos);
  EXPECT_NE(docker(R"([{"Layers":[]}])").find("has no `Config`"), std::string::npos);
  EXPECT_NE(docker(R"([{"Config":"a","Layers":[1]}])").find("`Layers` is not a list of strings"), std::string::npos);
  EXPECT_EQ(docker(R"([{"Config":"a","RepoTags":null,"Layers":["l"]}])"), "fine");
  const auto index = parse_oci_index(R"({"manifests":[{"digest":"sha256:../../etc/passwd"}]})");
  ASSERT_FALSE(index);
  EXPECT_NE(index.error().to_string().find("is no sha256 digest"), std::string::npos);
  EXPECT_FALSE(parse_oci_manifest(R"({"config":{"digest":"x"},"layers":[]})"));
  EXPECT_FALSE(parse_oci_manifest("[]"));
}

}  // namespace
}  // namespace berth::image
