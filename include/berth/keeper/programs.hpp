// The static programs that berth carries inside of itself. They run from sealed memfds, so that nothing in a container
// can write to what it executes (CVE-2019-5736) and an install is one file.
#pragma once

#include <cstddef>
#include <span>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth {

std::span<const std::byte> keeper_program();     // keeper and zygote, see src/keeper/README.md
std::span<const std::byte> init_stub_program();  // pid 1 of containers with `init: true`

// A sealed, executable memfd with the program's bytes. MFD_EXEC where the kernel knows it (6.3), else plain.
Result<sys::UniqueFd> program_memfd(const char* name, std::span<const std::byte> program);
inline Result<sys::UniqueFd> keeper_memfd() { return program_memfd("berth-keeper", keeper_program()); }

}  // namespace berth
