// Flows that the kernel tracks. A changed translation is not looked up again for a flow that exists: what was sent to a
// port before it was published goes on missing it, and what was sent to a container goes on to the address that it had.
// Such flows are found in a dump and deleted one by one; their next packet makes new ones.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/ipv4.hpp"

namespace berth::sys {

struct TrackedFlow {
  std::uint8_t protocol = 0;
  Ipv4 source, destination;  // as the first packet had them, before any translation
  std::uint16_t source_port = 0, destination_port = 0;
  Ipv4 reply_source, reply_destination;  // of the answers: reply_source is where a translated packet really went
  std::string tuple;                     // what names it to the kernel
  std::uint32_t id = 0;
  std::uint16_t zone = 0;
};

// Decoder of foreign bytes; pure. Flows of other families are left out.
Result<std::vector<TrackedFlow>> decode_flows(std::string_view bytes);
// IPv4 flows of the current network namespace.
Result<std::vector<TrackedFlow>> observe_flows();
// Deletes those that `stale` picks; one that ends by itself meanwhile is no failure. The number of those picked.
Result<std::size_t> delete_flows(const std::function<bool(const TrackedFlow&)>& stale);

}  // namespace berth::sys
