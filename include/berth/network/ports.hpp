// Published ports are reserved with real sockets before anything else happens: a taken port is refused by name, nobody
// else can take it afterwards, and what reaches the sockets (loopback, IPv6) is served by proxy.hpp. The caller parks
// them in the keeper.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"
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

// Which container published what, over all projects: ROOT/global/ports.json. It only gives names to messages; the
// sockets decide who has a port, so an entry whose owner has died does no harm.
struct PortOwner {
  std::string project, name;
  ContainerId id;
  bool operator==(const PortOwner&) const = default;
};
using PortOwners = std::map<std::string, PortOwner>;  // by "tcp 0.0.0.0 8080"
std::string port_key(const engine::Publication& publication);
Result<PortOwners> read_port_owners(const std::string& root);
Result<void> claim_ports(const std::string& root, const PortOwner& owner,
                         const std::vector<engine::Publication>& publications);
Result<void> release_ports(const std::string& root, const ContainerId& container);

// Empty host_ip: 0.0.0.0 and ::; localhost is not resolved. `published` empty: any free port; "8000-8010": the first
// free one. Busy where it is taken; the message names the port and who has it: the container and its project, or the
// program.
Result<Reservation> reserve_port(const model::Port& port, const PortOwners& owners = {});

// The translation of a reservation to its container; loopback ones are harmless (render leaves them out).
sys::NftDnat translation_of(const engine::Publication& publication, sys::Ipv4 container);

BOOST_DESCRIBE_STRUCT(PortOwner, (), (project, name, id))

// Deletes the kernel's flows to and from containers that are gone, and those that began before a UDP port was published
// and would go on missing its translation. Both by one dump; the number deleted.
Result<std::size_t> forget_flows(const std::set<sys::Ipv4>& containers,
                                 const std::vector<engine::Publication>& published);

}  // namespace berth::network
