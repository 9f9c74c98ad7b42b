// SQLite behind three verbs: run, ask for rows, do several things or none.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "berth/base/error.hpp"

struct sqlite3;

namespace berth::image {

class Index {
 public:
  using Row = std::vector<std::string>;  // every column as text; NULL is empty

  static Result<Index> open(const std::string& path);
  Result<std::vector<Row>> rows(const std::string& sql, const std::vector<std::string>& parameters = {}) const;
  Result<void> run(const std::string& sql, const std::vector<std::string>& parameters = {}) const;
  // All that `body` does, or nothing of it. Never do file work inside: others wait.
  Result<void> atomically(const std::function<Result<void>()>& body) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace berth::image
