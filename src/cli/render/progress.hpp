// What is happening, for people and for programs: one line an event, on stderr. Pure but for the writing.
//
//   plain  " Container shop-web-1  Created"
//   json   {"id":"Container shop-web-1","status":"Created","reason":"...","ts":"..."}    docker compose's keys and our
//   own quiet  only warnings and errors
#pragma once

#include <string>

#include "berth/cli/app.hpp"
#include "berth/engine/event.hpp"

namespace berth::cli {

enum class ProgressMode { Plain, Json, Quiet };

ProgressMode progress_mode(const App& app);  // --progress, else COMPOSE_PROGRESS
// With its newline; empty where the mode shows nothing of it.
std::string progress_line(ProgressMode mode, const engine::Event& event);

}  // namespace berth::cli
