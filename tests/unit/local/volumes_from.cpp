#include "volumes_from.hpp"

#include <gtest/gtest.h>

namespace berth::local {
namespace {

engine::ContainerMount mount(model::MountType type, const std::string& source, const std::string& target) {
  engine::ContainerMount made;
  made.type = type;
  made.source = source;
  made.target = target;
  return made;
}

state::ContainerRecord owner() {
  state::ContainerRecord record;
  record.spec.mounts = {mount(model::MountType::Bind, "/host", "/bind"),
                        mount(model::MountType::Volume, "named", "/named"),
                        mount(model::MountType::Volume, "", "/anonymous"), mount(model::MountType::Tmpfs, "", "/own")};
  record.anonymous_volumes["/anonymous"] = "0123";
  return record;
}

engine::ContainerSpec taking(std::vector<engine::VolumesFrom> from) {
  engine::ContainerSpec spec;
  spec.volumes_from = std::move(from);
  return spec;
}

Result<state::ContainerRecord> find(const std::string& name) {
  if (name == "owner") return owner();
  return Error::make(ErrorKind::NotFound, "there is no container `" + name + "`");
}

TEST(VolumesFrom, TakesBindsAndVolumesButNoTmpfs) {
  auto spec = taking({{"owner", true}});
  ASSERT_TRUE(take_over_mounts(spec, find));
  ASSERT_EQ(spec.mounts.size(), 3u);
  EXPECT_EQ(spec.mounts[2].source, "0123");  // shared by name: it goes with its owner
  for (const auto& taken : spec.mounts) EXPECT_TRUE(taken.taken_over && taken.read_only);
}

TEST(VolumesFrom, LeavesWhatTheContainerMountsItselfButAnonymousVolumes) {
  auto spec = taking({{"owner", false}});
  spec.mounts = {mount(model::MountType::Bind, "/other", "/bind"), mount(model::MountType::Volume, "", "/named")};
  ASSERT_TRUE(take_over_mounts(spec, find));
  ASSERT_EQ(spec.mounts.size(), 3u);
  EXPECT_EQ(spec.mounts[0].source, "/other");
  EXPECT_EQ(spec.mounts[1].source, "named");
  EXPECT_EQ(spec.mounts[2].target, "/anonymous");
}

TEST(VolumesFrom, FailsWhereTheOtherIsNotThere) {
  auto spec = taking({{"nobody", false}});
  const auto taken = take_over_mounts(spec, find);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::NotFound);
}

}  // namespace
}  // namespace berth::local
