#include "port_owner.hpp"

#include <unistd.h>

#include <cctype>
#include <climits>
#include <cstdio>
#include <sstream>

#include "berth/sys/file.hpp"
#include "berth/text/json_codec.hpp"

namespace berth::network {
namespace {

Result<PortOwners> read_owners(const std::string& path) {
  auto text = sys::read_file(path);
  if (!text) {
    if (text.error().kind() == ErrorKind::NotFound) return PortOwners{};
    return text.error();
  }
  auto decoded = json::decode_text<PortOwners>(*text);
  // Damaged: it only names owners, and every publication writes it anew.
  return decoded ? std::move(*decoded) : PortOwners{};
}

Result<void> change_owners(const std::string& root, const std::function<bool(PortOwners&)>& change) {
  const std::string directory = root + "/global";
  BERTH_TRY(sys::make_directories(directory));
  auto lock = sys::lock_file(directory + "/lock", sys::LockMode::Exclusive);
  if (!lock) return lock.error();
  auto owners = read_owners(directory + "/ports.json");
  if (!owners) return owners.error();
  if (!change(*owners)) return {};
  return sys::write_file_atomic(directory + "/ports.json", json::encode_text(*owners), sys::Durability::Volatile);
}

// " (used by `nginx`, pid 812)", or nothing.
std::string program_with(std::uint16_t port, bool tcp) {
  char wanted[8];
  std::snprintf(wanted, sizeof wanted, ":%04X", port);
  std::string inode;
  for (const std::string family : {"", "6"}) {
    auto table = sys::read_file(std::string("/proc/net/") + (tcp ? "tcp" : "udp") + family);
    if (!table) continue;
    std::istringstream lines(*table);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string word[10];
      for (auto& each : word) words >> each;
      if (word[1].ends_with(wanted) && (!tcp || word[3] == "0A")) inode = word[9];
    }
  }
  if (inode.empty()) return {};
  auto processes = sys::list_directory("/proc");
  if (!processes) return {};
  for (const auto& pid : *processes) {
    if (!std::isdigit(static_cast<unsigned char>(pid[0]))) continue;
    auto fds = sys::list_directory("/proc/" + pid + "/fd");
    if (!fds) continue;
    for (const auto& fd : *fds) {
      char target[PATH_MAX];
      const auto size = ::readlink(("/proc/" + pid + "/fd/" + fd).c_str(), target, sizeof target);
      if (size < 0 || std::string_view(target, static_cast<std::size_t>(size)) != "socket:[" + inode + "]") continue;
      auto name = sys::read_file("/proc/" + pid + "/comm", 64);
      if (!name) return " (used by pid " + pid + ")";
      return " (used by `" + name->substr(0, name->find('\n')) + "`, pid " + pid + ")";
    }
  }
  return {};
}

bool is_any_address(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

}  // namespace

std::string port_key(const engine::Publication& publication) {
  const char* protocol = publication.protocol == model::Protocol::Udp ? "udp " : "tcp ";
  return protocol + publication.host_ip + ' ' + std::to_string(publication.host_port);
}

std::string port_owner(const engine::Publication& wanted, const PortOwners& owners) {
  for (const auto& [key, owner] : owners) {
    std::istringstream words(key);
    std::string protocol, address;
    unsigned port = 0;
    words >> protocol >> address >> port;
    if (port != wanted.host_port || protocol != (wanted.protocol == model::Protocol::Udp ? "udp" : "tcp")) continue;
    if (address == wanted.host_ip || is_any_address(address) || is_any_address(wanted.host_ip))
      return " (published by container `" + owner.name + "` of project `" + owner.project + "`)";
  }
  return program_with(wanted.host_port, wanted.protocol != model::Protocol::Udp);
}

Result<PortOwners> read_port_owners(const std::string& root) { return read_owners(root + "/global/ports.json"); }

Result<void> claim_ports(const std::string& root, const PortOwner& owner,
                         const std::vector<engine::Publication>& publications) {
  if (publications.empty()) return {};
  return change_owners(root, [&](PortOwners& owners) {
    for (const auto& publication : publications) owners[port_key(publication)] = owner;
    return true;
  });
}

Result<void> release_ports(const std::string& root, const ContainerId& container) {
  return change_owners(root, [&](PortOwners& owners) {
    return std::erase_if(owners, [&](const auto& each) { return each.second.id == container; }) > 0;
  });
}

}  // namespace berth::network
