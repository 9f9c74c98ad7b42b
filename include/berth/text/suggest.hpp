// "did you mean": the nearest of the known names, if one is near enough to be a slip of the fingers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::text {

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace berth::text
