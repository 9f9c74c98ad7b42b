// gzip at its fastest level: same bytes in, same bytes out (no time and no name in the header). By zlib: ISA-L is five
// times faster, but Debian has no static library of it.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::registry {

class GzipWriter {
 public:
  using Sink = std::function<Result<void>(std::string_view)>;
  explicit GzipWriter(Sink sink);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  Result<void> add(std::string_view bytes);
  Result<void> finish();  // once

 private:
  struct State;
  Result<void> run(bool last);
  std::unique_ptr<State> state_;
};

}  // namespace berth::registry
