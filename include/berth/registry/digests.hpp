// What names of images stand for at their registries now: for those who pin. Nothing is stored.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::registry {

// The digest ("sha256:…") of the index or manifest that each reference names, in their order; mirrors are asked first,
// as by a pull. Blocks; ends with ErrorKind::Cancelled when `stop_fd` becomes readable.
std::vector<Result<std::string>> fetch_digests(const std::vector<std::string>& references,
                                               const std::map<std::string, std::string>& environment, int stop_fd);

}  // namespace berth::registry
