// The DNS of containers: names of a network's containers answered from memory, everything else forwarded.
//
//   query ──▶ answer(query, zone, asker) ──▶ reply bytes
//                                        └─▶ Forward: to the host's servers, from the host's namespace
//
// Local names: A shuffled, AAAA and other types NODATA (never NXDOMAIN: musl would drop the A answer; never forwarded),
// PTR. DnsZone and answer() are pure. DnsServer owns nothing but borrowed sockets in containers and its forwarding
// sockets, all in one epoll set: watch fd() and call on_ready(now), and again at deadline().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"
#include "berth/sys/ipv4.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::network {

struct DnsQuery {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::string name;  // lower case, without the last dot
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  std::size_t question_end = 0;  // offset behind the question
  std::optional<std::uint16_t> edns_size;
};
// One question, no compression in it, labels and lengths checked. Protocol for everything else.
Result<DnsQuery> decode_dns_query(std::string_view bytes);

enum class DnsCode : std::uint8_t {
  NoError = 0,
  FormatError = 1,
  ServerFailure = 2,
  NameError = 3,
  NotImplemented = 4
};
// Header and question of `query` with this code, no records.
std::string dns_failure(std::string_view query, DnsCode code);

class DnsZone {
 public:
  // Replaces what the container had in that network. Names in any case; the first one is what PTR answers.
  void set(const std::string& network, const ContainerId& container, sys::Ipv4 address,
           const std::vector<std::string>& names);
  void remove(const ContainerId& container);
  void remove(const std::string& network, const ContainerId& container);
  std::vector<sys::Ipv4> find(const std::string& network, const std::string& name) const;   // name in lower case
  std::optional<std::string> name_of(const std::string& network, sys::Ipv4 address) const;  // "name.network"

 private:
  struct Entry {
    sys::Ipv4 address;
    std::vector<std::string> names;
  };
  std::map<std::string, std::map<ContainerId, Entry>> networks_;
};

struct DnsAsker {
  std::vector<std::string> networks;         // real names, in order of attachment
  std::map<std::string, std::string> links;  // alias -> name, for this container alone
  bool may_forward = true;                   // false where all its networks are internal
  std::vector<std::string> servers;          // its own `dns:`; empty: the host's
};
enum class DnsTransport { Udp, Tcp };
// The reply, or nothing: forward it. `shuffle` orders the addresses.
std::optional<std::string> answer_dns(std::string_view query, const DnsZone& zone, const DnsAsker& asker,
                                      DnsTransport transport, std::uint32_t shuffle);
// Cuts a reply that is too long for the asker's UDP to header and question with TC set.
std::string fit_dns_reply(std::string reply, std::string_view query, DnsTransport transport);

// Sockets that answer 127.0.0.11 in a container: high ports, with DNAT of port 53 to them in that namespace, so that a
// container that binds 0.0.0.0:53 still can. To be parked; open once per namespace.
struct DnsSockets {
  sys::UniqueFd udp, tcp;
};
Result<DnsSockets> open_dns_sockets(int netns);

class DnsServer {
 public:
  using Clock = std::chrono::steady_clock;
  static Result<DnsServer> create(std::vector<std::string> servers);  // the host's, from parse_resolv_conf
  DnsServer(DnsServer&&) noexcept;
  DnsServer& operator=(DnsServer&&) noexcept;
  ~DnsServer();

  DnsZone& zone() noexcept;
  void set_servers(std::vector<std::string> servers);
  Result<void> serve(const ContainerId& container, int udp, int tcp, DnsAsker asker);  // sockets borrowed
  void forget(const ContainerId& container);                                           // and its names
  int fd() const noexcept;
  void on_ready(Clock::time_point now);
  std::optional<Clock::time_point> deadline() const;

 private:
  struct State;
  explicit DnsServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace berth::network
