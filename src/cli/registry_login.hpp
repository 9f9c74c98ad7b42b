// Logging in to registries and out, for the commands of both command lines.
#pragma once

#include <optional>
#include <string>

#include "berth/cli/app.hpp"

namespace berth::cli {

struct LoginWish {
  std::string server;  // empty: Docker Hub
  std::optional<std::string> user, password;
  bool password_from_stdin = false;
};

// Asks for what is missing on a terminal, tries it at the registry, keeps it. Throws Failure.
void login(const App& app, const LoginWish& wish);
void logout(const App& app, const std::string& server);

}  // namespace berth::cli
