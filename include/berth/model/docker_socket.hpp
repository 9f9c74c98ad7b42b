// Where clients expect the socket of a daemon. Nothing is ever made in its place: a directory there would be taken for
// one, and a program that asks it would be told nonsense.
#pragma once

#include <string_view>

namespace berth::model {

bool is_docker_socket(std::string_view path);

}  // namespace berth::model
