// Who has a port that is taken, for the message: races do no harm.
#pragma once

#include "berth/network/ports.hpp"

namespace berth::network {

// " (published by container `shop-web-1` of project `shop`)", " (used by `nginx`, pid 812)", or nothing.
std::string port_owner(const engine::Publication& wanted, const PortOwners& owners);

}  // namespace berth::network
