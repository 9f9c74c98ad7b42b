// The interface group of all bridges of berth, of any root: by it a rule means all of them, whenever they come.
#pragma once

#include <cstdint>

namespace berth::network {

inline constexpr std::uint32_t kBridgeGroup = 0x62657274;

}  // namespace berth::network
