// `created_by` of the history as BuildKit writes it: values are expanded, commands quoted, words of a list in brackets.
#pragma once

#include <string>
#include <vector>

#include "berth/oci/image_config.hpp"

namespace berth::build {

// CMD ["/bin/sh" "-c" "echo hi"]
std::string history_of_command(const std::string& keyword, const std::vector<std::string>& words);
// VOLUME [/data /srv]
std::string history_of_list(const std::string& keyword, const std::vector<std::string>& words);
std::string history_of_healthcheck(const oci::ImageHealthcheck& check);

}  // namespace berth::build
