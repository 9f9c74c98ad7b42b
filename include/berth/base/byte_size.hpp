// A number of bytes, so that it is not mistaken for a number of something else.
#pragma once

#include <compare>
#include <cstdint>

namespace berth {

struct ByteSize {
  std::int64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
};

}  // namespace berth
