#include "berth/model/names.hpp"

namespace berth::model {

std::string image_name(const Project& project, const Service& service) {
  return service.image.empty() ? project.name.value + project.separator + service.name.value : service.image;
}

std::string container_name(const Project& project, const Service& service, int number) {
  if (!service.container_name.empty()) return service.container_name;
  return project.name.value + project.separator + service.name.value + project.separator + std::to_string(number);
}

}  // namespace berth::model
