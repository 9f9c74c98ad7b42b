// `--filter` of `docker ps`, as a value. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/engine/container.hpp"

namespace berth::cli::docker {

// "label=a=b" -> {"label", "a=b"}; Invalid where there is no `=` or the key is not among `known`.
Result<std::multimap<std::string, std::string>> parse_filters(const std::vector<std::string>& given,
                                                              const std::set<std::string>& known);
// "K" or "K=V", all of the given ones.
bool has_labels(const std::map<std::string, std::string>& labels,
                const std::multimap<std::string, std::string>& filters);

class PsFilter {
 public:
  static Result<PsFilter> parse(const std::vector<std::string>& given);
  bool names_a_state() const { return filters_.count("status") || filters_.count("exited"); }
  // Of one key any value is enough (of label all must be), of several keys all. `image_ids`: digests that the value of
  // `ancestor` stands for, by value. `created`: when the container of before= and since= was made, by value.
  struct Facts {
    std::map<std::string, std::string> image_ids;
    std::map<std::string, std::int64_t> created;
  };
  bool matches(const engine::ContainerState& state, const Facts& facts) const;
  std::vector<std::string> values(const std::string& key) const;

 private:
  std::multimap<std::string, std::string> filters_;
};

}  // namespace berth::cli::docker
