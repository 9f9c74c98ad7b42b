// BERTH_ASSERT(condition): we are wrong, not the user. Aborts with file and line in every build; never for input.
#pragma once

namespace berth {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}

#define BERTH_ASSERT(condition) \
  (static_cast<bool>(condition) ? void() : ::berth::assertion_failed(#condition, __FILE__, __LINE__))
