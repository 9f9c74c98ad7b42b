// Platforms as FROM --platform writes them. Pure.
#pragma once

#include <string>

#include "berth/base/error.hpp"

namespace berth::dockerfile {

// "amd64", "linux", "Linux/x86_64", "linux/arm64/v8" -> "linux/amd64", …; what is left out comes from `host` (a
// platform in full). ErrorKind::Invalid for text that is no platform.
Result<std::string> normal_platform(const std::string& text, const std::string& host);

}  // namespace berth::dockerfile
