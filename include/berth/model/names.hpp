// What things of a stack are called where the file gives them no name: docker compose's rules.
#pragma once

#include <string>

#include "berth/model/project.hpp"

namespace berth::model {

// `image`, or that of its build: shop-web.
std::string image_name(const Project& project, const Service& service);
// shop-web-1; a service with a `container_name` has that one only.
std::string container_name(const Project& project, const Service& service, int number);

}  // namespace berth::model
