// Any bytes, cut anywhere: frames or an error, and the same frames for every cut.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "berth/control/frame.hpp"

namespace {

std::vector<std::string> frames_of(std::string_view bytes, std::size_t step) {
  berth::control::FrameDecoder decoder(4096);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    decoder.feed(bytes.substr(at, step));
    for (;;) {
      auto frame = decoder.next();
      if (!frame) return out;
      if (!*frame) break;
      out.push_back((*frame)->payload);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (frames_of(bytes, 1) != frames_of(bytes, size + 1)) std::abort();
  return 0;
}
