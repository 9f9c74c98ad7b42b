#include "detach_keys.hpp"

#include <cctype>

namespace berth::cli {

Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  static constexpr std::string_view kCtrl = "ctrl-";
  DetachKeys result;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(',', at == text.size() ? at : at + 1), text.size());
    const auto key = text.substr(at, end - at);
    if (key.size() == 1) {
      result.keys_ += key[0];
    } else {
      const char last = key.size() == kCtrl.size() + 1 && key.starts_with(kCtrl)
                            ? static_cast<char>(std::toupper(static_cast<unsigned char>(key.back())))
                            : '\0';
      if (last < '@' || last > '_')
        return Error::make(ErrorKind::Invalid, "invalid detach key `" + std::string(key) + "`")
            .with_hint("keys are single characters or `ctrl-` and a letter: ctrl-p,ctrl-q");
      result.keys_ += static_cast<char>(last - '@');
    }
    at = end + 1;
  }
  return result;
}

bool DetachKeys::feed(std::string_view typed, std::string& out) {
  for (const char c : typed) {
    if (keys_.empty()) {
      out += c;
      continue;
    }
    // Falls back to the longest beginning of the keys that still fits: ctrl-p ctrl-p ctrl-q detaches, too.
    while (seen_ > 0 && keys_[seen_] != c) {
      std::size_t shorter = seen_ - 1;
      while (shorter > 0 && keys_.compare(0, shorter, keys_, seen_ - shorter, shorter) != 0) --shorter;
      out.append(keys_, 0, seen_ - shorter);
      seen_ = shorter;
    }
    if (keys_[seen_] != c)
      out += c;
    else if (++seen_ == keys_.size()) {
      seen_ = 0;
      return true;
    }
  }
  return false;
}

}  // namespace berth::cli
