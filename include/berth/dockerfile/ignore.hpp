// .dockerignore: which paths of a context the builder does not see. Own matcher, no regular expressions: a match costs
// at most (pattern length × path length) steps. Pure.
//
//   Last match wins; a matched directory hides what is below it; `!pattern` shows again, even below a hidden directory.
//
// Walkers ask with the parent's state, so that each level is matched once:
//
//   IgnoreRules::State root = rules.root();
//   auto [ignored, state] = rules.match("src/a.py", state_of_src);
//   if (ignored && !rules.may_show_below("src")) skip the directory
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/dockerfile/glob.hpp"

namespace berth::dockerfile {

class IgnoreRules {
 public:
  using State = std::vector<bool>;  // which patterns matched the directory above

  IgnoreRules() = default;
  // The file's text. Mistakes name the line ("illegal exclusion pattern: \"!\"").
  static Result<IgnoreRules> parse(std::string_view text);
  // Patterns one by one, as of `COPY --exclude`.
  static Result<IgnoreRules> from_patterns(const std::vector<std::string>& patterns);

  bool empty() const noexcept { return patterns_.empty(); }
  bool has_negations() const noexcept { return negations_; }
  State root() const { return State(patterns_.size(), false); }
  // `path` is relative, clean, without leading slash.
  std::pair<bool, State> match(std::string_view path, const State& parent) const;
  // The same without a walk: looks at all parents of the path.
  bool ignores(std::string_view path) const;
  // Whether a `!pattern` could match something below the (ignored) directory.
  bool may_show_below(std::string_view directory) const;

 private:
  struct Pattern {
    std::string text;
    bool negated = false;
    PathPattern glob;
  };
  std::vector<Pattern> patterns_;
  bool negations_ = false;
};

}  // namespace berth::dockerfile
