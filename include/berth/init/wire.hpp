// Messages between keeper, supervisor and zygote: one Message a packet over SOCK_SEQPACKET, descriptors by SCM_RIGHTS.
// Frozen from version 1: values are appended, never changed, because an old keeper outlives an update of berth. The
// bytes are held by a golden test (tests/unit/init).
//
//   keeper ──Hello──▶ supervisor (descriptor 3)             supervisor ──Map, Launch──▶ zygote (descriptor 4)
//   supervisor ──Park Drop Fetch Launch Name NewZygote Quit──▶ keeper     zygote ──Launched──▶ supervisor
//   keeper ──Park… FetchEnd, Launched, Exited, Zygote──▶ supervisor
#pragma once

#include <cstdint>

namespace berth::init {

inline constexpr std::int32_t kWireVersion = 1;
inline constexpr int kKeeperFd = 3;
inline constexpr int kZygoteFd = 4;

enum class Kind : std::uint32_t {
  Hello = 1,       // first message of the keeper: value = version, pid = keeper's pid, size = restarts so far
  Park = 2,        // name + descriptors to hold; also the answer to Fetch, one descriptor a message
  Drop = 3,        // closes all descriptors parked under name
  Fetch = 4,       // asks for all parked descriptors
  FetchEnd = 5,    // value = number sent
  Launch = 6,      // base/size = arena, flags = clone flags, name, descriptors = slots (to the keeper: the arena first)
  Launched = 7,    // pid or -errno, name, pidfd
  Exited = 8,      // pid, value = wait status, name (empty: a child nobody named)
  Quit = 9,        // do not restart the supervisor; end when no child is left
  Map = 10,        // to the zygote: map the arenas, base/size, one descriptor
  Name = 11,       // pid is a child by this name: its exit is to be recorded (children of Special::Fork)
  NewZygote = 12,  // the zygote is gone, start another
  Zygote = 13,     // answer: its socket
};

// Bits of Message::value in Launch.
inline constexpr std::int32_t kLaunchUnnamed = 1;  // an intermediate process: do not record its exit under name

struct Message {
  Kind kind;
  std::int32_t pid;
  std::int32_t value;
  std::uint32_t reserved;
  std::uint64_t base;
  std::uint64_t size;
  std::uint64_t flags;
  char name[88];  // NUL-terminated; of launches [A-Za-z0-9_.-]+ because it becomes a file name below exits/
};
static_assert(sizeof(Message) == 128);

}  // namespace berth::init
