// Published ports are reserved with real sockets before anything else happens: a taken port is refused by name, nobody
// else can take it afterwards, and what reaches the sockets (loopback, IPv6) is served by proxy.hpp. The caller parks
// them in the keeper.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/engine/container.hpp"
#include "berth/sys/ipv4.hpp"
#include "berth/sys/nft.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::network {

struct ReservedSocket {
  sys::UniqueFd fd;     // TCP: listening; non-blocking
  std::string address;  // "0.0.0.0", "::", "127.0.0.1", ...
};
struct Reservation {
  engine::Publication publication;      // the host port that it became
  std::vector<ReservedSocket> sockets;  // an address of both families where the host has both
};

// Empty host_ip: 0.0.0.0 and ::; localhost is not resolved. `published` empty: any free port; "8000-8010": the first
// free one. Busy where it is taken; the message names the port and, where it can be seen, the program that has it.
Result<Reservation> reserve_port(const model::Port& port);

// The translation of a reservation to its container; loopback ones are harmless (render leaves them out).
sys::NftDnat translation_of(const engine::Publication& publication, sys::Ipv4 container);

}  // namespace berth::network
