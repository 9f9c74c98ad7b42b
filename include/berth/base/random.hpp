// Identifiers nobody can guess, from the kernel (getrandom).
#pragma once

#include <cstddef>
#include <string>

namespace berth {

// 2 * `bytes` lower-case hex digits.
std::string random_hex(std::size_t bytes);

}  // namespace berth
