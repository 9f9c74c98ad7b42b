// A diagnostic as a workflow command of GitHub Actions, which shows it beside the line of the file.
#pragma once

#include <string>

#include "berth/text/diagnostic.hpp"

namespace berth::cli {

// One line without its end. Files are named from `workspace` (the checkout), which relative names in `directory` may be
// below. Notes and hint follow the message.
std::string workflow_annotation(const text::Diagnostic& diagnostic, const std::string& directory,
                                const std::string& workspace);

}  // namespace berth::cli
