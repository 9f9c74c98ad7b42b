// The keeper's protocol is frozen: an old keeper outlives an update of berth. These bytes may be added to, never
// changed.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "berth/init/plan.hpp"
#include "berth/init/wire.hpp"
#include "berth/keeper/programs.hpp"

namespace berth {
namespace {

std::string hex(const void* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto byte = static_cast<const unsigned char*>(bytes)[i];
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

TEST(Wire, KeepsItsBytes) {
  init::Message message{};
  message.kind = init::Kind::Launch;
  message.pid = 0x01020304;
  message.value = init::kLaunchUnnamed;
  message.base = init::kPlanBase;
  message.size = 0x10000;
  message.flags = 0x20000000;
  std::strcpy(message.name, "web");
  EXPECT_EQ(hex(&message, 48),
            "0600000004030201010000000000000000000000002000000000010000000000000000200000000077656200"
            "00000000");
  EXPECT_EQ(sizeof message, 128u);
}

TEST(Wire, KeepsItsNumbers) {
  EXPECT_EQ(init::kWireVersion, 1);
  EXPECT_EQ(static_cast<int>(init::Kind::Hello), 1);
  EXPECT_EQ(static_cast<int>(init::Kind::Park), 2);
  EXPECT_EQ(static_cast<int>(init::Kind::Drop), 3);
  EXPECT_EQ(static_cast<int>(init::Kind::Fetch), 4);
  EXPECT_EQ(static_cast<int>(init::Kind::FetchEnd), 5);
  EXPECT_EQ(static_cast<int>(init::Kind::Launch), 6);
  EXPECT_EQ(static_cast<int>(init::Kind::Launched), 7);
  EXPECT_EQ(static_cast<int>(init::Kind::Exited), 8);
  EXPECT_EQ(static_cast<int>(init::Kind::Quit), 9);
  EXPECT_EQ(static_cast<int>(init::Kind::Map), 10);
  EXPECT_EQ(static_cast<int>(init::Kind::Name), 11);
  EXPECT_EQ(static_cast<int>(init::Kind::NewZygote), 12);
  EXPECT_EQ(static_cast<int>(init::Kind::Zygote), 13);
}

// The keeper walks plans that a newer supervisor has written.
TEST(Plan, KeepsItsLayout) {
  EXPECT_EQ(sizeof(init::Op), 64u);
  EXPECT_EQ(offsetof(init::Op, save), 4u);
  EXPECT_EQ(offsetof(init::Op, tolerate), 6u);
  EXPECT_EQ(offsetof(init::Op, argument), 16u);
  EXPECT_EQ(offsetof(init::PlanHeader, reached), 8u);
  EXPECT_EQ(offsetof(init::PlanHeader, alive), 12u);
  EXPECT_EQ(offsetof(init::PlanHeader, ops), 16u);
  EXPECT_EQ(offsetof(init::PlanHeader, slot), 24u);
  EXPECT_EQ(sizeof(init::Status), 16u);
}

TEST(Programs, AreSmallStaticAndSealed) {
  EXPECT_LT(keeper_program().size(), 64u << 10);
  EXPECT_LT(init_stub_program().size(), 16u << 10);
  EXPECT_EQ(std::memcmp(keeper_program().data(), "\177ELF", 4), 0);
  auto file = keeper_memfd();
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
}

}  // namespace
}  // namespace berth
