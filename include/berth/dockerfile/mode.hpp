// COPY --chmod: octal ("0755") or symbolic as chmod(1) writes it ("u=rwX,go=rX"). Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::dockerfile {

class FileMode {
 public:
  // ErrorKind::Invalid with the message that BuildKit gives.
  static Result<FileMode> parse(std::string_view text);
  // What a file (or directory) of mode `mode` gets; permission bits only.
  std::uint32_t applied_to(std::uint32_t mode, bool directory) const;

 private:
  struct Change {
    std::uint32_t who = 0;  // bits of 0777 (and set-id bits) that may change
    char operation = '=';   // + - =
    std::uint32_t bits = 0;
    bool execute_if_any = false;  // X
    char copied_from = 0;         // u, g, o: the bits that these have
  };
  static bool parse_clause(std::string_view text, std::vector<Change>& out);
  std::uint32_t bits_of(const Change& change, std::uint32_t mode, bool directory) const;

  bool octal_ = false;
  std::uint32_t mode_ = 0;
  std::vector<Change> changes_;
};

}  // namespace berth::dockerfile
