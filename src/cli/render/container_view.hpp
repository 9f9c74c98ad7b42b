// What `ps` says about a container: docker's words, from the container's state and the time. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "berth/engine/container.hpp"

namespace berth::cli {

std::string state_word(engine::Phase phase);  // "running", "exited", ...
const char* protocol_word(model::Protocol protocol);
std::string status_text(const engine::ContainerState& state,
                        std::int64_t now);                    // "Up 3 hours (healthy)", "Exited (0) 2 minutes ago"
std::string ports_text(const engine::ContainerState& state);  // "0.0.0.0:80->80/tcp, 443/tcp"
std::string command_text(const engine::ContainerState& state, bool truncate);  // quoted, as docker shows it
std::string created_text(std::int64_t created_at);                             // "2026-11-24 04:13:46 +0000 UTC"
std::string age_text(std::int64_t then, std::int64_t now);                     // "3 hours ago"

std::string ps_table(const std::vector<engine::ContainerState>& containers, std::int64_t now, bool truncate);
// One line of `ps --format json` (schemas/ps.schema.json), with its newline.
std::string ps_json_line(const engine::ContainerState& state, std::int64_t now);
std::map<std::string, std::string> ps_fields(const engine::ContainerState& state, std::int64_t now);  // for templates

}  // namespace berth::cli
