// The flags of `docker run` as a compose document of one service: so they are read, checked and resolved by the rules
// that the files of stacks are read by. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/cli/options.hpp"

namespace berth::cli::docker {

struct RunWishes {
  std::string name;     // of the container
  std::string service;  // of its service in the document
  std::string image;
  std::vector<std::string> command;  // empty: the image's
  std::map<std::string, std::string> variables, labels;
  std::vector<std::string> exposed_ports;  // of the image, "80/tcp"
  std::set<std::string> known_volumes, known_networks;
  std::vector<std::string> volumes_from;  // "container:NAME[:ro]"
};

// JSON, a value a line. Invalid for a flag that makes no sense; NotFound for a network that is not there.
Result<std::string> run_document(const RunWishes& wishes, const OptionValues& given);

// "type=bind,src=/a,dst=/b,ro" as pairs; "ro" alone is "true". Fields may be quoted as in CSV.
Result<std::map<std::string, std::string>> parse_mount(const std::string& text);

}  // namespace berth::cli::docker
