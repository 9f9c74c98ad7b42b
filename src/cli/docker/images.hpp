// Images by name, for commands that need one.
#pragma once

#include <string>

#include "berth/cli/app.hpp"

namespace berth::cli::docker {

// It is in the store afterwards, as the policy (always, missing, never) says; else Failure.
void ensure_image(const App& app, const std::string& name, const std::string& policy);

// Images and programs here are of this machine: Failure for another platform than its own.
void check_platform(const std::string& wanted);

}  // namespace berth::cli::docker
