// gzip at a fast level on all cores: blocks of one length, each a member of its own (RFC 1952, 2.2), packed beside each
// other and passed on in order. Same bytes in, same bytes out: no time and no name in the headers, and where a block
// ends does not depend on how the bytes were handed over.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::registry {

class GzipWriter {
 public:
  // Called on the caller's thread, in order.
  using Sink = std::function<Result<void>(std::string_view)>;
  static constexpr std::size_t kBlock = 512 * 1024;

  explicit GzipWriter(Sink sink);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  Result<void> add(std::string_view bytes);
  Result<void> finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::registry
