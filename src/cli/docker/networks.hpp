// The networks of this machine by what docker calls them: records, and `bridge`, `host`, `none`, which are always
// there.
#pragma once

#include <map>
#include <string>

#include "berth/cli/app.hpp"
#include "berth/network/bridges.hpp"

namespace berth::cli::docker {

inline constexpr const char* kDefaultNetwork = "bridge";

std::map<std::string, network::NetworkRecord> all_networks(const App& app);
bool is_built_in(const std::string& name);
// By name, id or beginning of an id; NotFound, or Invalid where several ids begin so.
Result<std::string> find_network(const std::map<std::string, network::NetworkRecord>& networks,
                                 const std::string& text);

}  // namespace berth::cli::docker
