#include "berth/runtime/user.hpp"

#include <gtest/gtest.h>

#include "berth/runtime/default_spec.hpp"
#include "berth/sys/caps.hpp"
#include "berth/sys/seccomp.hpp"

namespace berth::runtime {
namespace {

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n# note\nbroken\napp:x:1000:1001:App:/home/app:/bin/sh\n";
constexpr const char* kGroup = "root:x:0:\napp:x:1001:\nvideo:x:44:app,other\naudio:x:29:other\n";

TEST(ResolveUser, TakesGroupsFromTheImage) {
  auto user = resolve_user_in(kPasswd, kGroup, "app");
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->user, (oci::User{1000, 1001, {44}}));
  EXPECT_EQ(user->home, "/home/app");
}

TEST(ResolveUser, AcceptsNumbersThatAreNotListed) {
  auto user = resolve_user_in(kPasswd, kGroup, "4242:video");
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->user, (oci::User{4242, 44, {}}));
  EXPECT_EQ(user->home, "/");
}

TEST(ResolveUser, IsRootWhenNothingIsSaid) { EXPECT_EQ(resolve_user_in("", "", "")->user, (oci::User{0, 0, {}})); }

TEST(ResolveUser, NamesTheFileWhereAUserIsMissing) {
  auto user = resolve_user_in(kPasswd, kGroup, "nobody");
  ASSERT_FALSE(user.has_value());
  EXPECT_EQ(user.error().to_string(), "no user `nobody` in the container's /etc/passwd");
  EXPECT_FALSE(resolve_user_in(kPasswd, kGroup, "app:nogroup").has_value());
  EXPECT_FALSE(resolve_user_in(kPasswd, kGroup, "4294967295").has_value());
}

TEST(ResolveUser, AddsGroups) {
  EXPECT_EQ(resolve_user_in(kPasswd, kGroup, "app", {"audio", "7"})->user.additional_gids,
            (std::vector<std::uint32_t>{7, 29, 44}));
}

TEST(Capabilities, FollowCapAddAndCapDrop) {
  EXPECT_EQ(sys::choose_capabilities({}, {}).set, 0xa80425fbu);
  EXPECT_EQ(sys::choose_capabilities({"NET_ADMIN"}, {"all"}).set, 1u << 12);
  EXPECT_EQ(sys::choose_capabilities({}, {"CAP_CHOWN"}).set, 0xa80425fau);
  EXPECT_EQ(sys::choose_capabilities({"NOPE"}, {}).unknown, std::vector<std::string>{"NOPE"});
}

TEST(SeccompProfile, CompilesForAnyCapabilities) {
  for (std::uint64_t capabilities : {std::uint64_t{0}, sys::kDefaultCapabilities, sys::all_capabilities()}) {
    auto program = sys::compile_seccomp(default_seccomp(capabilities));
    ASSERT_TRUE(program.has_value()) << program.error().to_string();
    EXPECT_GT(program->size(), 1000u);
  }
}

TEST(SeccompProfile, ReadsDockersFormat) {
  auto profile = parse_seccomp(
      R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":13},
      {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}}]})",
      0);
  ASSERT_TRUE(profile.has_value()) << profile.error().to_string();
  ASSERT_EQ(profile->rules.size(), 1u);
  EXPECT_EQ(profile->rules[0].errno_value, 13);
  EXPECT_FALSE(parse_seccomp("[]", 0).has_value());
  EXPECT_FALSE(parse_seccomp("{", 0).has_value());
}

TEST(DeviceRules, AreReadAsDockerWritesThem) {
  auto rule = parse_device_rule("c 1:* rw");
  ASSERT_TRUE(rule.has_value());
  EXPECT_EQ(rule->major, 1u);
  EXPECT_FALSE(rule->minor.has_value());
  EXPECT_FALSE(parse_device_rule("c 1:3").has_value());
  EXPECT_FALSE(parse_device_rule("x 1:3 rwm").has_value());
}

TEST(Sysctls, OfTheHostAreRefused) {
  oci::RuntimeSpec spec;
  EXPECT_TRUE(check_sysctl(spec, "net.core.somaxconn").has_value());
  EXPECT_FALSE(check_sysctl(spec, "kernel.panic").has_value());
  spec.namespaces.network.mode = oci::NamespaceMode::Host;
  EXPECT_FALSE(check_sysctl(spec, "net.core.somaxconn").has_value());
}

}  // namespace
}  // namespace berth::runtime
