#include "berth/dockerfile/ignore.hpp"

#include <algorithm>
#include <tuple>

#include "clean_path.hpp"

namespace berth::dockerfile {

namespace {
std::string_view trim_blank(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n\v\f");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n\v\f") - begin + 1);
}
}  // namespace

Result<IgnoreRules> IgnoreRules::parse(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string> patterns;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with('#')) continue;  // only in the first column
    line = trim_blank(line);
    if (line.empty()) continue;
    const bool negated = line.starts_with('!');
    if (negated) line = trim_blank(line.substr(1));
    std::string clean = line.empty() ? std::string() : clean_path(line);
    if (clean.size() > 1 && clean.front() == '/') clean.erase(0, 1);
    patterns.push_back((negated ? "!" : "") + clean);
  }
  return from_patterns(patterns);
}

Result<IgnoreRules> IgnoreRules::from_patterns(const std::vector<std::string>& patterns) {
  IgnoreRules rules;
  for (const std::string& written : patterns) {
    std::string_view text = trim_blank(written);
    if (text.empty()) continue;
    Pattern pattern;
    if (text.starts_with('!')) {
      if (text.size() == 1) return Error::make(ErrorKind::Invalid, "illegal exclusion pattern: \"!\"");
      pattern.negated = true;
      text.remove_prefix(1);
    }
    pattern.text = clean_path(text);
    auto compiled = PathPattern::compile(pattern.text);
    if (!compiled) return compiled.error();
    pattern.glob = std::move(*compiled);
    rules.negations_ = rules.negations_ || pattern.negated;
    rules.patterns_.push_back(std::move(pattern));
  }
  return rules;
}

std::pair<bool, IgnoreRules::State> IgnoreRules::match(std::string_view path, const State& parent) const {
  bool ignored = false;
  State state(patterns_.size(), false);
  if (path == "." || path.empty()) return {false, state};
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    bool matched = i < parent.size() && parent[i];
    // Compat: a pattern that could not change the verdict is not looked at (and so not remembered for what is below).
    if (!matched && patterns_[i].negated == ignored) matched = patterns_[i].glob.matches(path);
    state[i] = matched;
    if (matched) ignored = !patterns_[i].negated;
  }
  return {ignored, state};
}

bool IgnoreRules::ignores(std::string_view path) const {
  State state = root();
  bool ignored = false;
  for (std::size_t from = 0, end = 0; end != std::string_view::npos; from = end + 1) {
    end = path.find('/', from);
    std::tie(ignored, state) = match(path.substr(0, end), state);
  }
  return ignored;
}

bool IgnoreRules::may_show_below(std::string_view directory) const {
  const std::string below = std::string(directory) + "/";
  for (const Pattern& pattern : patterns_) {
    if (!pattern.negated) continue;
    const std::string& prefix = pattern.glob.literal_prefix();
    const std::size_t common = std::min(prefix.size(), below.size());
    // A suffix pattern (`**/x`) keeps its tail in literal_prefix(): it can match anywhere.
    if (pattern.text.starts_with("**") || prefix.compare(0, common, below, 0, common) == 0) return true;
  }
  return false;
}

}  // namespace berth::dockerfile
