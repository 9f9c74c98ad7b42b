// What a container is called to which nobody gives a name.
#pragma once

#include <string>
#include <vector>

#include "docker/find.hpp"

namespace berth::cli::docker {

std::string random_name(const std::vector<Found>& taken);  // "calm_pier"

}  // namespace berth::cli::docker
