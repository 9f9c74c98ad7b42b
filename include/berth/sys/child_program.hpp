// A program run to its end, with a text on its standard input and its output collected: no shell, no descriptor of ours
// but the three, default signal dispositions, nothing left behind. Blocks.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::sys {

struct ProgramOutput {
  int exit_code = 0;  // 128 + signal where one ended it
  std::string out, err;
};

// `path` is absolute. Killed, and ErrorKind::Cancelled, where `stop_fd` becomes readable; killed, and Protocol, where
// it prints more than `limit`.
Result<ProgramOutput> run_program(const std::string& path, const std::vector<std::string>& arguments,
                                  const std::map<std::string, std::string>& environment, std::string_view input,
                                  std::size_t limit, int stop_fd = -1);

// Where PATH has a program of that name (no `/` in it); NotFound names it.
Result<std::string> find_program(const std::string& name, const std::string& search_path);

}  // namespace berth::sys
