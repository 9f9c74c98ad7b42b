// What is happening, for people and for programs that read a stream: one line an event. Pure but for progress_mode.
//
//   plain  " Container shop-web-1  Created"
//   json   {"id":"Container shop-web-1","status":"Created","reason":"...","ts":"..."}
//          docker compose's keys and our own
//   quiet  only warnings
//   tty    the live picture of board.hpp, drawn by live_progress.hpp
//
// The text of an error is not here: the answer that ends the request carries it.
#pragma once

#include <string>

#include "berth/build/build.hpp"
#include "berth/cli/app.hpp"
#include "berth/engine/event.hpp"
#include "berth/registry/transfer.hpp"

namespace berth::cli {

enum class ProgressMode { Tty, Plain, Json, Quiet };

// --progress, else COMPOSE_PROGRESS; auto is tty on a terminal that can move its cursor, else plain.
ProgressMode progress_mode(const App& app);
// With its newline; empty where the mode shows nothing of it.
std::string progress_line(ProgressMode mode, const engine::Event& event);
std::string transfer_line(ProgressMode mode, const registry::TransferEvent& event, std::int64_t now);
std::string build_line(ProgressMode mode, const std::string& name, const build::BuildEvent& event, std::int64_t now);

// Compat: the noun and the name are what docker compose prints as one id: "Container shop-web-1".
std::string event_id(const engine::Event& event);
const char* step_word(engine::Step step);

}  // namespace berth::cli
