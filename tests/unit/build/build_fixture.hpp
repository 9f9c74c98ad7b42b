// Dockerfiles really built, on a busybox root file system imported into a store of the test's own. Needs root and
// busybox-static.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "berth/build/build.hpp"
#include "berth/image/store.hpp"
#include "berth/sys/file.hpp"

namespace berth::build {

namespace fs = std::filesystem;

// One ustar header with its content.
inline std::string tar_entry(const std::string& name, char type, const std::string& body, const std::string& link = {},
                             unsigned mode = 0755) {
  std::string header(512, '\0');
  std::memcpy(header.data(), name.data(), name.size());
  std::snprintf(header.data() + 100, 8, "%07o", mode);
  std::snprintf(header.data() + 108, 8, "%07o", 0);
  std::snprintf(header.data() + 116, 8, "%07o", 0);
  std::snprintf(header.data() + 124, 12, "%011lo", static_cast<unsigned long>(type == '0' ? body.size() : 0));
  std::snprintf(header.data() + 136, 12, "%011o", 1);
  header[156] = type;
  std::memcpy(header.data() + 157, link.data(), link.size());
  std::memcpy(header.data() + 257,
              "ustar\0"
              "00",
              8);
  std::memset(header.data() + 148, ' ', 8);
  unsigned sum = 0;
  for (unsigned char c : header) sum += c;
  std::snprintf(header.data() + 148, 8, "%06o", sum);
  std::string out = header + body;
  out.resize((out.size() + 511) / 512 * 512, '\0');
  return out;
}

inline std::string busybox_tar() {
  std::ifstream file("/bin/busybox", std::ios::binary);
  const std::string program((std::istreambuf_iterator<char>(file)), {});
  std::string out = tar_entry("bin/", '5', "") + tar_entry("etc/", '5', "") + tar_entry("tmp/", '5', "", "", 01777) +
                    tar_entry("bin/busybox", '0', program);
  for (const char* tool : {"sh", "cat", "ls", "echo", "mkdir", "chown", "stat", "id", "test", "true", "cp", "hostname",
                           "pwd", "rm", "touch", "sleep", "ip", "find", "wc"})
    out += tar_entry("bin/" + std::string(tool), '2', "", "busybox");
  out += tar_entry("etc/passwd", '0', "root:x:0:0:root:/root:/bin/sh\napp:x:100:101:app:/home/app:/bin/sh\n", "", 0644);
  out += tar_entry("etc/group", '0', "root:x:0:\napp:x:101:\n", "", 0644);
  return out + std::string(1024, '\0');
}

class Build : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!fs::exists("/bin/busybox")) GTEST_SKIP() << "needs busybox-static";
    char name[] = "/tmp/berth-build-XXXXXX";
    dir_ = mkdtemp(name);
    fs::create_directories(dir_ + "/context");
    store_ = std::make_unique<image::ImageStore>(must(image::ImageStore::open(dir_ + "/root")));
    std::ofstream(dir_ + "/busybox.tar", std::ios::binary) << busybox_tar();
    oci::ImageConfig config = oci::host_image_config();
    config.config.env = {"PATH=/bin"};
    config.config.cmd = std::vector<std::string>{"sh"};
    must(store_->import_rootfs(dir_ + "/busybox.tar", "busybox", config));
    request_.context = dir_ + "/context";
    request_.tags = {"out"};
  }
  void TearDown() override {
    if (dir_.empty()) return;
    store_.reset();
    // Only what is below this test's directory: other mounts of the host come and go.
    const std::string mounts = *sys::read_file("/proc/self/mountinfo");
    EXPECT_EQ(mounts.find(dir_), std::string::npos) << mounts;
    ASSERT_TRUE(sys::remove_tree(dir_));
  }
  void file(const std::string& path, const std::string& text, mode_t mode = 0644) {
    fs::create_directories(fs::path(dir_ + "/context/" + path).parent_path());
    std::ofstream(dir_ + "/context/" + path) << text;
    chmod((dir_ + "/context/" + path).c_str(), mode);
  }
  Result<BuildOutcome> run(const std::string& dockerfile) {
    request_.dockerfile_inline = dockerfile;
    output_.clear();
    failure_.clear();
    steps_.clear();
    BuildPorts ports{store_.get(), dir_ + "/root", dir_ + "/run", {}, -1, {}, {}};
    if (networked_) ports.network = bridge_network(dir_ + "/root");
    return build(request_, ports, [&](const BuildEvent& event) {
      if (event.kind == BuildEvent::Kind::Output) output_ += event.text + "\n";
      if (event.kind == BuildEvent::Kind::Failed) failure_ += render_failure(event);
      if (event.kind == BuildEvent::Kind::Done) steps_.push_back(event.text);
    });
  }
  BuildOutcome good(const std::string& dockerfile) {
    auto outcome = run(dockerfile);
    if (!outcome) {
      ADD_FAILURE() << outcome.error().to_string() << "\n" << failure_;
      return {};
    }
    return *outcome;
  }
  std::string layer_path(const ImageDigest& digest, std::size_t from_top) {
    auto lowers = must(store_->lower_directories(digest));
    return lowers.at(from_top);
  }
  BuildRequest request_;
  std::unique_ptr<image::ImageStore> store_;
  std::string dir_, output_, failure_;
  std::vector<std::string> steps_;
  bool networked_ = false;
};

}  // namespace berth::build
