// What `docker inspect` says: docker's members, from records. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "berth/network/bridges.hpp"
#include "berth/oci/image_config.hpp"
#include "berth/state/records.hpp"
#include "docker/find.hpp"

namespace berth::cli::docker {

// What a container's record does not say by itself.
struct InspectFacts {
  state::Paths paths;
  std::map<std::string, std::string> volume_paths;         // by name
  std::map<std::string, network::NetworkRecord> networks;  // by name
  std::string platform = "linux";
};

boost::json::object container_json(const Found& found, const InspectFacts& facts);

struct ImageFactsForInspect {
  std::string digest;
  std::vector<std::string> references;
  std::int64_t created_at = 0, size = 0;
  std::vector<std::string> layers;
};
boost::json::object image_json(const oci::ImageConfig& config, const ImageFactsForInspect& facts);
boost::json::object volume_json(const engine::VolumeState& volume, std::int64_t created_at);
boost::json::object network_json(const network::NetworkRecord& record, const std::vector<Found>& all);
boost::json::object host_network_json(const std::string& name);  // "host" and "none"

std::string network_id(const std::string& name);  // 64 hex digits, of the name
std::string time_json(std::int64_t nanoseconds);  // RFC 3339; the year 1 for 0

}  // namespace berth::cli::docker
