// The image-spec's config (application/vnd.oci.image.config.v1+json with Docker's additions) as structs ⇄ JSON.
// Absent, null and empty differ where they mean different things: Entrypoint and Cmd are optional lists.
// Durations are nanoseconds, times RFC 3339 text; unknown members are ignored.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::oci {

struct ImageHealthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", ...}, {"CMD-SHELL", text}; empty: inherit
  std::int64_t interval = 0;      // 0: the default
  std::int64_t timeout = 0;
  std::int64_t start_period = 0;
  std::int64_t start_interval = 0;
  int retries = 0;
  bool operator==(const ImageHealthcheck&) const = default;
};

struct ImageProcess {  // member "config"
  std::string user;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> env;         // "K=V" in order of first definition
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::set<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  bool args_escaped = false;
  std::optional<ImageHealthcheck> healthcheck;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  bool operator==(const ImageProcess&) const = default;
};

struct ImageHistory {
  std::string created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
  bool operator==(const ImageHistory&) const = default;
};

struct ImageConfig {
  std::string created;
  std::string author;
  std::string architecture;
  std::string variant;
  std::string os;
  ImageProcess config;
  std::vector<std::string> diff_ids;  // rootfs.diff_ids
  std::vector<ImageHistory> history;
  bool operator==(const ImageConfig&) const = default;
};

// architecture and os of this machine as Go names them, empty otherwise.
ImageConfig host_image_config();
// Same value, same bytes.
std::string to_json(const ImageConfig& config);
// ErrorKind::Protocol, naming the member, where a member has another type than it must have.
Result<ImageConfig> parse_image_config(std::string_view json);

}  // namespace berth::oci
