// Project as JSON: one format for the control socket, the disk and the hash of a service.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"
#include "berth/model/project.hpp"

namespace berth::model {

boost::json::value to_json(const Project& project);
boost::json::value to_json(const Service& service);
std::string to_json_text(const Project& project);

// ErrorKind::Protocol with the path where the JSON has another shape.
Result<Project> from_json(const boost::json::value& json);
Result<Project> from_json_text(std::string_view text);

// 64 hex digits. Equal when nothing that a container is made from differs: build, pull_policy, scale, depends_on and
// profiles do not count, and neither do spans.
std::string config_hash(const Service& service);
std::string config_hash(const Network& network);
std::string config_hash(const Volume& volume);
std::string text_hash(std::string_view text);  // the same digest over a text of the caller's

}  // namespace berth::model
