#include "berth/control/frame.hpp"

#include <boost/endian/conversion.hpp>
#include <utility>

#include "berth/base/assert.hpp"

namespace berth::control {

namespace endian = boost::endian;

std::string encode_frame(std::uint16_t kind, std::string_view payload, std::size_t descriptors) {
  BERTH_ASSERT(payload.size() <= kMaxPayload && descriptors <= kMaxDescriptors);
  unsigned char header[kHeaderBytes];
  endian::store_little_u32(header, static_cast<std::uint32_t>(payload.size()));
  endian::store_little_u16(header + 4, kind);
  endian::store_little_u16(header + 6, static_cast<std::uint16_t>(descriptors));
  std::string out;
  out.reserve(kHeaderBytes + payload.size());
  out.append(reinterpret_cast<const char*>(header), kHeaderBytes).append(payload);
  return out;
}

void FrameDecoder::feed(std::string_view bytes, std::vector<sys::UniqueFd> descriptors) {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
    if (buffer_.capacity() > (1u << 20))
      buffer_.shrink_to_fit();  // one large Project is not kept for the whole conversation
  } else if (at_ > (1u << 16)) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  buffer_.append(bytes);
  for (auto& descriptor : descriptors) descriptors_.push_back(std::move(descriptor));
}

Result<std::optional<Frame>> FrameDecoder::next() {
  // A set may arrive glued to the bytes before its frame, never more than one set ahead.
  if (descriptors_.size() > 2 * kMaxDescriptors)
    return Error::make(ErrorKind::Protocol, "a peer sent descriptors that belong to no message");
  const auto left = buffer_.size() - at_;
  if (left < kHeaderBytes) return std::optional<Frame>();
  const auto* header = reinterpret_cast<const unsigned char*>(buffer_.data() + at_);
  const std::size_t length = endian::load_little_u32(header);
  const std::size_t wanted = endian::load_little_u16(header + 6);
  if (length > max_payload_)
    return Error::make(ErrorKind::Protocol, "a message of " + std::to_string(length) + " bytes is longer than allowed");
  if (wanted > kMaxDescriptors)
    return Error::make(ErrorKind::Protocol, "a message claims " + std::to_string(wanted) + " descriptors");
  if (left - kHeaderBytes < length) return std::optional<Frame>();
  if (descriptors_.size() < wanted) return Error::make(ErrorKind::Protocol, "a message came without its descriptors");
  Frame frame;
  frame.kind = endian::load_little_u16(header + 4);
  frame.payload.assign(buffer_, at_ + kHeaderBytes, length);
  for (std::size_t i = 0; i < wanted; ++i) {
    frame.descriptors.push_back(std::move(descriptors_.front()));
    descriptors_.pop_front();
  }
  at_ += kHeaderBytes + length;
  return std::optional<Frame>(std::move(frame));
}

}  // namespace berth::control
