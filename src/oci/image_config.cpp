#include "berth/oci/image_config.hpp"

#include <boost/json.hpp>

namespace berth::oci {
namespace {

namespace bj = boost::json;
using Strings = std::vector<std::string>;

// Fills fields from one JSON object; remembers the first member that has another type than it must have.
class Members {
 public:
  Members(const bj::object& object, std::string& bad) : object_(object), bad_(bad) {}

  const bj::value* at(const char* name) const {
    const auto* value = object_.if_contains(name);
    return value && !value->is_null() ? value : nullptr;
  }
  void text(const char* name, std::string& out) const {
    if (const auto* value = at(name)) {
      if (const auto* found = value->if_string())
        out = std::string(*found);
      else
        refuse(name);
    }
  }
  template <class Number>
  void number(const char* name, Number& out) const {
    if (const auto* value = at(name)) {
      boost::system::error_code failed;
      const auto found = value->to_number<Number>(failed);
      if (failed)
        refuse(name);
      else
        out = found;
    }
  }
  void flag(const char* name, bool& out) const {
    if (const auto* value = at(name)) {
      if (value->is_bool())
        out = value->get_bool();
      else
        refuse(name);
    }
  }
  void strings(const char* name, Strings& out) const {
    const auto* value = at(name);
    if (!value) return;
    const auto* array = value->if_array();
    if (!array) return refuse(name);
    for (const auto& item : *array) {
      if (!item.is_string()) return refuse(name);
      out.emplace_back(item.get_string());
    }
  }
  void strings(const char* name, std::optional<Strings>& out) const {
    if (at(name)) strings(name, out.emplace());
  }
  void keys(const char* name, std::set<std::string>& out) const {
    const auto* value = at(name);
    if (!value) return;
    const auto* object = value->if_object();
    if (!object) return refuse(name);
    for (const auto& [key, unused] : *object) out.emplace(key);
  }
  void map(const char* name, std::map<std::string, std::string>& out) const {
    const auto* value = at(name);
    if (!value) return;
    const auto* object = value->if_object();
    if (!object) return refuse(name);
    for (const auto& [key, item] : *object) {
      if (!item.is_string()) return refuse(name);
      out.emplace(std::string(key), std::string(item.get_string()));
    }
  }
  const bj::object* object(const char* name) const {
    const auto* value = at(name);
    if (value && !value->is_object()) refuse(name);
    return value ? value->if_object() : nullptr;
  }
  const bj::array* array(const char* name) const {
    const auto* value = at(name);
    if (value && !value->is_array()) refuse(name);
    return value ? value->if_array() : nullptr;
  }
  void refuse(const char* name) const {
    if (bad_.empty()) bad_ = name;
  }

 private:
  const bj::object& object_;
  std::string& bad_;
};

bj::array list_of(const Strings& items) {
  bj::array array;
  for (const auto& item : items) array.emplace_back(bj::string(item));
  return array;
}

bj::object set_of(const std::set<std::string>& items) {
  bj::object object;
  for (const auto& item : items) object.emplace(item, bj::object());
  return object;
}

void put_text(bj::object& object, const char* name, const std::string& text) {
  if (!text.empty()) object.emplace(name, bj::string(text));
}

bj::object encode_process(const ImageProcess& process) {
  bj::object out;
  put_text(out, "User", process.user);
  if (!process.exposed_ports.empty()) out.emplace("ExposedPorts", set_of(process.exposed_ports));
  out.emplace("Env", list_of(process.env));
  out.emplace("Entrypoint", process.entrypoint ? bj::value(list_of(*process.entrypoint)) : bj::value(nullptr));
  out.emplace("Cmd", process.cmd ? bj::value(list_of(*process.cmd)) : bj::value(nullptr));
  if (!process.volumes.empty()) out.emplace("Volumes", set_of(process.volumes));
  put_text(out, "WorkingDir", process.working_dir);
  if (!process.labels.empty()) {
    bj::object labels;
    for (const auto& [key, value] : process.labels) labels.emplace(key, bj::string(value));
    out.emplace("Labels", std::move(labels));
  }
  put_text(out, "StopSignal", process.stop_signal);
  if (process.args_escaped) out.emplace("ArgsEscaped", true);
  if (process.healthcheck) {
    bj::object check;
    check.emplace("Test", list_of(process.healthcheck->test));
    if (process.healthcheck->interval) check.emplace("Interval", process.healthcheck->interval);
    if (process.healthcheck->timeout) check.emplace("Timeout", process.healthcheck->timeout);
    if (process.healthcheck->start_period) check.emplace("StartPeriod", process.healthcheck->start_period);
    if (process.healthcheck->start_interval) check.emplace("StartInterval", process.healthcheck->start_interval);
    if (process.healthcheck->retries) check.emplace("Retries", process.healthcheck->retries);
    out.emplace("Healthcheck", std::move(check));
  }
  if (!process.shell.empty()) out.emplace("Shell", list_of(process.shell));
  if (!process.on_build.empty()) out.emplace("OnBuild", list_of(process.on_build));
  return out;
}

void decode_process(const bj::object& json, ImageProcess& out, std::string& bad) {
  const Members in(json, bad);
  in.text("User", out.user);
  in.keys("ExposedPorts", out.exposed_ports);
  in.strings("Env", out.env);
  in.strings("Entrypoint", out.entrypoint);
  in.strings("Cmd", out.cmd);
  in.keys("Volumes", out.volumes);
  in.text("WorkingDir", out.working_dir);
  in.map("Labels", out.labels);
  in.text("StopSignal", out.stop_signal);
  in.flag("ArgsEscaped", out.args_escaped);
  in.strings("Shell", out.shell);
  in.strings("OnBuild", out.on_build);
  if (const auto* check = in.object("Healthcheck")) {
    const Members health(*check, bad);
    auto& to = out.healthcheck.emplace();
    health.strings("Test", to.test);
    health.number("Interval", to.interval);
    health.number("Timeout", to.timeout);
    health.number("StartPeriod", to.start_period);
    health.number("StartInterval", to.start_interval);
    health.number("Retries", to.retries);
  }
}

void decode_history(const bj::array& json, std::vector<ImageHistory>& out, std::string& bad) {
  for (const auto& item : json) {
    const auto* object = item.if_object();
    if (!object) {
      if (bad.empty()) bad = "history";
      return;
    }
    const Members in(*object, bad);
    auto& entry = out.emplace_back();
    in.text("created", entry.created);
    in.text("created_by", entry.created_by);
    in.text("author", entry.author);
    in.text("comment", entry.comment);
    in.flag("empty_layer", entry.empty_layer);
  }
}

}  // namespace

ImageConfig host_image_config() {
  ImageConfig config;
#if defined(__x86_64__)
  config.architecture = "amd64";
#elif defined(__aarch64__)
  config.architecture = "arm64";
  config.variant = "v8";
#elif defined(__riscv) && __riscv_xlen == 64
  config.architecture = "riscv64";
#else
#error "name this architecture as Go does"
#endif
  config.os = "linux";
  return config;
}

std::string to_json(const ImageConfig& config) {
  bj::object out;
  put_text(out, "created", config.created);
  put_text(out, "author", config.author);
  out.emplace("architecture", bj::string(config.architecture));
  put_text(out, "variant", config.variant);
  out.emplace("os", bj::string(config.os));
  out.emplace("config", encode_process(config.config));
  bj::object root_fs;
  root_fs.emplace("type", "layers");
  root_fs.emplace("diff_ids", list_of(config.diff_ids));
  out.emplace("rootfs", std::move(root_fs));
  bj::array history;
  for (const auto& entry : config.history) {
    bj::object item;
    put_text(item, "created", entry.created);
    put_text(item, "created_by", entry.created_by);
    put_text(item, "author", entry.author);
    put_text(item, "comment", entry.comment);
    if (entry.empty_layer) item.emplace("empty_layer", true);
    history.push_back(std::move(item));
  }
  out.emplace("history", std::move(history));
  return bj::serialize(out);
}

Result<ImageConfig> parse_image_config(std::string_view json) {
  boost::system::error_code failed;
  const auto value = bj::parse(bj::string_view(json.data(), json.size()), failed);
  if (failed) return Error::make(ErrorKind::Protocol, "image config is not JSON: " + failed.message());
  const auto* object = value.if_object();
  if (!object) return Error::make(ErrorKind::Protocol, "image config is not a JSON object");
  ImageConfig out;
  std::string bad;
  const Members in(*object, bad);
  in.text("created", out.created);
  in.text("author", out.author);
  in.text("architecture", out.architecture);
  in.text("variant", out.variant);
  in.text("os", out.os);
  if (const auto* process = in.object("config")) decode_process(*process, out.config, bad);
  if (const auto* root_fs = in.object("rootfs")) Members(*root_fs, bad).strings("diff_ids", out.diff_ids);
  if (const auto* history = in.array("history")) decode_history(*history, out.history, bad);
  if (!bad.empty()) return Error::make(ErrorKind::Protocol, "image config has an unexpected value at `" + bad + "`");
  return out;
}

}  // namespace berth::oci
