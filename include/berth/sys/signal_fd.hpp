// Signals as a descriptor: for commands that block in work of their own and ask now and then whether they were
// interrupted. (Event loops use async::Loop::on_signal.)
#pragma once

#include <initializer_list>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

// Blocks the signals for the process from now on; the descriptor becomes readable when one has come, and stays so.
Result<UniqueFd> watch_signals(std::initializer_list<int> signals);
bool is_readable(int fd);  // at once

}  // namespace berth::sys
