#include "berth/local/runtime_spec.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

namespace berth::local {
namespace {

engine::ContainerSpec spec_of(std::vector<std::string> command) {
  engine::ContainerSpec spec;
  spec.name = "shop-web-1";
  spec.command = std::move(command);
  return spec;
}

ContainerPlace place() {
  ContainerPlace place;
  place.id = ContainerId(std::string(64, 'a'));
  place.lower = {"/layers/top", "/layers/base"};
  place.upper = "/c/upper";
  place.work = "/c/work";
  place.mount_point = "/c/root";
  place.hosts_file = "/c/hosts";
  place.resolv_file = "/c/resolv.conf";
  place.hostname_file = "/c/hostname";
  place.user.home = "/root";
  return place;
}

const oci::Mount* mount_at(const oci::RuntimeSpec& spec, const std::string& target) {
  const auto found = std::find_if(spec.mounts.begin(), spec.mounts.end(),
                                  [&](const auto& mount) { return mount.destination == target; });
  return found == spec.mounts.end() ? nullptr : &*found;
}

TEST(RuntimeSpecOf, BindsTheFilesOfEtc) {
  const auto spec = must(runtime_spec_of(spec_of({"sh"}), place()));
  for (const auto& [target, source] : {std::pair{"/etc/hosts", "/c/hosts"},
                                       {"/etc/resolv.conf", "/c/resolv.conf"},
                                       {"/etc/hostname", "/c/hostname"}}) {
    ASSERT_TRUE(mount_at(spec, target)) << target;
    EXPECT_EQ(mount_at(spec, target)->source, source);
    EXPECT_EQ(mount_at(spec, target)->type, "bind");
  }
}

TEST(RuntimeSpecOf, MountsVolumesBindsAndTmpfs) {
  auto wanted = spec_of({"sh"});
  wanted.mounts.resize(3);
  wanted.mounts[0].target = "/data/deep";
  wanted.mounts[1].target = "/data";
  wanted.mounts[1].read_only = true;
  wanted.mounts[2].type = model::MountType::Tmpfs;
  wanted.mounts[2].target = "/scratch";
  wanted.mounts[2].tmpfs_size.bytes = 4096;
  auto where = place();
  where.mount_sources.resize(3);
  where.mount_sources[0].path = "/v/deep";
  where.mount_sources[1].path = "/v/data";
  const auto spec = must(runtime_spec_of(wanted, where));
  ASSERT_TRUE(mount_at(spec, "/data"));
  EXPECT_LT(mount_at(spec, "/data"), mount_at(spec, "/data/deep")) << "outer mounts come first";
  const auto& options = mount_at(spec, "/data")->options;
  EXPECT_NE(std::find(options.begin(), options.end(), "ro"), options.end());
  const auto& tmpfs = mount_at(spec, "/scratch")->options;
  EXPECT_NE(std::find(tmpfs.begin(), tmpfs.end(), "size=4096"), tmpfs.end());
}

TEST(RuntimeSpecOf, TheProcessIsEntrypointPlusCommand) {
  auto wanted = spec_of({"gunicorn", "--bind"});
  wanted.entrypoint = {"sh", "run.sh"};
  EXPECT_EQ(must(runtime_spec_of(wanted, place())).process.args,
            (std::vector<std::string>{"sh", "run.sh", "gunicorn", "--bind"}));
  EXPECT_FALSE(runtime_spec_of(spec_of({}), place()));
}

TEST(RuntimeSpecOf, FillsInWhatDockerFillsIn) {
  const auto environment = must(runtime_spec_of(spec_of({"sh"}), place())).process.env;
  for (const char* entry :
       {"HOME=/root", "HOSTNAME=aaaaaaaaaaaa", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})
    EXPECT_NE(std::find(environment.begin(), environment.end(), entry), environment.end()) << entry;
}

TEST(RuntimeSpecOf, RefusesWhatItCannotDo) {
  auto wanted = spec_of({"sh"});
  wanted.confinement.cap_add = {"NONSENSE"};
  EXPECT_FALSE(runtime_spec_of(wanted, place()));
  wanted = spec_of({"sh"});
  wanted.confinement.security_opt = {"apparmor:mine"};
  EXPECT_FALSE(runtime_spec_of(wanted, place()));
}

TEST(ParseSignal, KnowsNamesNumbersAndRealTimeSignals) {
  EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
  EXPECT_EQ(parse_signal("quit"), SIGQUIT);
  EXPECT_EQ(parse_signal("9"), SIGKILL);
  EXPECT_EQ(parse_signal("RTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(parse_signal("RTMAX-1"), SIGRTMAX - 1);
  for (const char* bad : {"", "NONE", "0", "99", "RTMIN+99", "RTMIN-1", "SIG"}) EXPECT_FALSE(parse_signal(bad)) << bad;
}

}  // namespace
}  // namespace berth::local
