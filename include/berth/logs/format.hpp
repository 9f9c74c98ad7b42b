// How `logs` and an attached `up` print lines: docker compose's prefix, padding and colours. Pure.
//
//   web-1  | hello                      name padded to the longest name + 1
//   web-1  | 2026-11-24T…Z hello        --timestamps
//   web-1 exited with code 0            status
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace berth::logs {

struct FormatOptions {
  bool color = false;  // colours cycle cyan, yellow, green, magenta, blue, then their intense variants
  bool prefix = true;  // --no-log-prefix switches it off
  bool timestamps = false;
  bool clear_line = false;  // status lines begin with "\r\033[K": the terminal may show "^C"
};

class LineFormatter {
 public:
  explicit LineFormatter(FormatOptions options) : options_(options) {}
  // Makes the name known: its colour is the next of the cycle, and the padding grows where it is the longest. Names
  // that were not registered are registered by their first line.
  void add_name(const std::string& name);
  // With its newline. `text` may hold several lines; each gets the prefix.
  std::string line(const std::string& name, std::string_view text, std::int64_t time);
  // "web-1 exited with code 0\n"
  std::string status(const std::string& name, std::string_view text);

 private:
  const std::string& color_of(const std::string& name);
  std::string prefix_of(const std::string& name);

  FormatOptions options_;
  std::map<std::string, std::string> colors_;  // escape sequence by name
  std::size_t width_ = 0;
};

// "proj-web-1" -> "web-1"; names that do not begin with the project (container_name) are shown whole.
std::string display_name(std::string_view container_name, std::string_view project);

}  // namespace berth::logs
