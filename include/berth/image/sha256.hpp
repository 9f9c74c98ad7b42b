// Content digests: what blobs, layers and configs are named by.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"

struct evp_md_ctx_st;

namespace berth::image {

// Bytes in, 64 hexadecimal digits out. add() takes no lock and allocates nothing: a child of a process with threads may
// go on with one that was made before the fork.
class Sha256 {
 public:
  Sha256();
  void add(std::string_view bytes);
  std::string hex();  // once

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

std::string sha256_hex(const std::string& bytes);
Result<std::string> sha256_of_file(int file);  // the whole file, wherever it stands

}  // namespace berth::image
