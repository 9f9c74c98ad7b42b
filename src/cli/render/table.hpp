// Tables as docker prints them: columns padded to their widest cell, three blanks apart, the last one not padded.
#pragma once

#include <string>
#include <vector>

namespace berth::cli {

std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace berth::cli
