// Go's path.Clean: no empty, `.` or inner `..` elements; "." for nothing. Text only, no disk.
#pragma once

#include <string>
#include <string_view>

namespace berth::dockerfile {
std::string clean_path(std::string_view path);
}
