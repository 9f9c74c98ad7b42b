#include "berth/logs/policy.hpp"

#include <boost/json.hpp>
#include <charconv>

#include "berth/text/duration.hpp"

namespace berth::logs {
namespace {

Error refuse(const std::string& text) { return Error::make(ErrorKind::Invalid, "logging: " + text); }

// "a,b": the named ones that exist.
void pick(boost::json::object& out, const std::string& names, const std::map<std::string, std::string>& from) {
  for (std::size_t at = 0; at <= names.size();) {
    const auto comma = std::min(names.find(',', at), names.size());
    const auto name = names.substr(at, comma - at);
    if (auto found = from.find(name); found != from.end()) out[name] = boost::json::string(found->second);
    at = comma + 1;
  }
}

Result<void> take_option(Policy& policy, const std::string& name, const std::string& value) {
  if (name == "max-size") {
    if (value == "-1") return policy.max_size = -1, Result<void>();
    const auto size = text::parse_byte_size(value);
    if (!size || size->bytes <= 0) return refuse("max-size `" + value + "` is not a size");
    policy.max_size = size->bytes;
    return {};
  }
  if (name == "max-file") {
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), policy.max_files);
    if (failed != std::errc() || end != value.data() + value.size() || policy.max_files < 1 || policy.max_files > 1000)
      return refuse("max-file `" + value + "` is not a number from 1 to 1000");
    return {};
  }
  // Writers are never blocked by this log and lose nothing to a ring: both modes come out the same.
  if (name == "mode") {
    if (value != "blocking" && value != "non-blocking")
      return refuse("mode `" + value + "` is neither blocking nor non-blocking");
    return {};
  }
  if (name == "max-buffer-size") {
    if (!text::parse_byte_size(value)) return refuse("max-buffer-size `" + value + "` is not a size");
    return {};
  }
  if (name == "compress" && (value == "false" || value == "0")) return {};
  if (name == "compress") return refuse("compress is not supported: rotated files stay plain text");
  return refuse("option `" + name + "` is not supported");
}

}  // namespace

Result<Policy> make_policy(const std::optional<model::Logging>& logging,
                           const std::map<std::string, std::string>& labels,
                           const std::map<std::string, std::string>& environment) {
  Policy policy;
  if (!logging) return policy;
  if (logging->driver == "none")
    policy.driver = Driver::None;
  else if (logging->driver == "local") {
    policy.driver = Driver::Local;
    policy.max_size = 20ll << 20;
    policy.max_files = 5;
  } else if (!logging->driver.empty() && logging->driver != "json-file")
    return refuse("driver `" + logging->driver + "` is not supported, only json-file, local and none are");
  boost::json::object attributes;
  for (const auto& [name, value] : logging->options) {
    if (name == "labels")
      pick(attributes, value, labels);
    else if (name == "env")
      pick(attributes, value, environment);
    else if (auto taken = take_option(policy, name, value); !taken)
      return taken.error();
  }
  if (!attributes.empty()) policy.attributes = boost::json::serialize(attributes);
  return policy;
}

}  // namespace berth::logs
