// Any line: an entry or an error; an entry written again reads as the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "berth/logs/entry.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::logs;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto entry = parse_json_line(bytes)) {
    std::string line;
    append_json_line(line, entry->text, entry->stream, format_log_time(entry->time));
    auto again = parse_json_line(line);
    if (!again || again->text != entry->text || again->stream != entry->stream) std::abort();
  }
  // Whatever a container prints becomes a line that reads as its bytes with what is not UTF-8 replaced.
  std::string line, valid;
  append_json_line(line, bytes, Stream::Stdout, format_log_time(0));
  append_valid_utf8(valid, bytes);
  auto entry = parse_json_line(line);
  if (!entry || entry->text != valid) std::abort();
  return 0;
}
