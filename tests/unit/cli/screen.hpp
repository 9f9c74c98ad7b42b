// A terminal for tests: enough of one to see what is on the screen after the bytes of a live picture.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "render/columns.hpp"

namespace berth::cli {

class TestTerminal {
 public:
  TestTerminal(std::size_t columns, std::size_t rows) : columns_(columns), height_(rows), rows_(1) {}

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      if (bytes.starts_with("\033[")) {
        std::size_t end = 2;
        while (end < bytes.size() && (bytes[end] < 0x40 || bytes[end] > 0x7E)) ++end;
        escape(bytes.substr(2, end - 2), bytes[end]);
        bytes.remove_prefix(end + 1);
      } else if (bytes[0] == '\n') {
        newline();
        bytes.remove_prefix(1);
      } else if (bytes[0] == '\r') {
        column_ = 0;
        bytes.remove_prefix(1);
      } else {
        std::size_t length = 1;
        while (length < bytes.size() && (bytes[length] & 0xC0) == 0x80) ++length;
        put(bytes.substr(0, length));
        bytes.remove_prefix(length);
      }
    }
  }

  // The rows of the screen, blanks at their ends cut.
  std::vector<std::string> rows() const {
    std::vector<std::string> out;
    for (const auto& row : rows_) {
      std::string text;
      for (const auto& cell : row) text += cell;
      while (text.ends_with(' ')) text.pop_back();
      out.push_back(text);
    }
    while (!out.empty() && out.back().empty()) out.pop_back();
    return out;
  }
  const std::vector<std::string>& scrolled() const { return scrolled_; }
  bool cursor_shown() const { return cursor_shown_; }

 private:
  void escape(std::string_view parameters, char what) {
    const int number = parameters.empty() || parameters[0] == '?' ? 1 : std::stoi(std::string(parameters));
    if (what == 'A') row_ -= std::min<std::size_t>(row_, static_cast<std::size_t>(number));
    if (what == 'K') rows_[row_].resize(std::min(rows_[row_].size(), column_));
    if (what == 'J') {
      rows_[row_].resize(std::min(rows_[row_].size(), column_));
      rows_.resize(row_ + 1);
    }
    if (what == 'l') cursor_shown_ = false;
    if (what == 'h') cursor_shown_ = true;
  }

  void newline() {
    column_ = 0;
    if (++row_ == rows_.size()) rows_.emplace_back();
    if (rows_.size() <= height_) return;
    std::string text;
    for (const auto& cell : rows_.front()) text += cell;
    scrolled_.push_back(text);
    rows_.erase(rows_.begin());
    --row_;
  }

  void put(std::string_view character) {
    const std::size_t width = columns_of(character);
    if (column_ + width > columns_) newline();
    auto& row = rows_[row_];
    if (row.size() < column_ + width) row.resize(column_ + width, " ");
    row[column_] = std::string(character);
    if (width == 2) row[column_ + 1] = "";
    column_ += width;
  }

  std::size_t columns_, height_, row_ = 0, column_ = 0;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::string> scrolled_;
  bool cursor_shown_ = true;
};

}  // namespace berth::cli
