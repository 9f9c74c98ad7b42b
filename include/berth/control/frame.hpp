// Framing of the control socket, without I/O.
//
//   ┌ u32 length ┬ u16 kind ┬ u16 descriptors ┬ length bytes of JSON ┐   little endian
//
// Descriptors travel by SCM_RIGHTS with the first byte of their frame. The kernel may glue the bytes before them to the
// same read, so the header says how many belong to the frame. The decoder takes memory as bytes arrive, never for an
// announced length.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::control {

inline constexpr std::size_t kHeaderBytes = 8;
inline constexpr std::size_t kMaxPayload = 64u << 20;
inline constexpr std::size_t kMaxDescriptors = 8;  // of one frame

struct Frame {
  std::uint16_t kind = 0;
  std::string payload;
  std::vector<sys::UniqueFd> descriptors;
};

std::string encode_frame(std::uint16_t kind, std::string_view payload, std::size_t descriptors = 0);

class FrameDecoder {
 public:
  explicit FrameDecoder(std::size_t max_payload = kMaxPayload) : max_payload_(max_payload) {}
  // What one read gave. Descriptors that no frame claims are closed; too many of them are an error of next().
  void feed(std::string_view bytes, std::vector<sys::UniqueFd> descriptors = {});
  // The next whole frame, nothing where more bytes are needed, or a Protocol error, which is final.
  Result<std::optional<Frame>> next();
  bool is_between_frames() const noexcept { return at_ == buffer_.size(); }

 private:
  std::size_t max_payload_;
  std::string buffer_;
  std::size_t at_ = 0;  // start of the next frame in buffer_
  std::deque<sys::UniqueFd> descriptors_;
};

}  // namespace berth::control
