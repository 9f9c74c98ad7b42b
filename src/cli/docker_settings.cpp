#include "docker_settings.hpp"

#include <boost/json.hpp>

namespace berth::cli {
namespace {

Result<boost::json::object> object_of(std::string_view text) {
  boost::system::error_code failed;
  auto value = boost::json::parse(boost::json::string_view(text.data(), text.size()), failed);
  if (failed) return Error::make(ErrorKind::Protocol, "not JSON: " + failed.message());
  if (!value.is_object()) return Error::make(ErrorKind::Protocol, "not a JSON object");
  return std::move(value.get_object());
}

std::string text_at(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(boost::json::string_view(key.data(), key.size()));
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

const boost::json::object* object_at(const boost::json::object* object, const char* key) {
  const auto* value = object ? object->if_contains(key) : nullptr;
  return value && value->is_object() ? &value->get_object() : nullptr;
}

}  // namespace

Result<std::string> data_root_of(std::string_view daemon_json) {
  const auto settings = object_of(daemon_json);
  if (!settings) return settings.error();
  const std::string root = text_at(*settings, "data-root");
  return root.empty() ? text_at(*settings, "graph") : root;
}

Result<std::string> current_context_of(std::string_view config_json) {
  const auto settings = object_of(config_json);
  if (!settings) return settings.error();
  return text_at(*settings, "currentContext");
}

Result<DockerContext> context_of(std::string_view meta_json) {
  const auto meta = object_of(meta_json);
  if (!meta) return meta.error();
  DockerContext context{text_at(*meta, "Name"), {}};
  if (const auto* endpoint = object_at(object_at(&*meta, "Endpoints"), "docker"))
    context.host = text_at(*endpoint, "Host");
  return context;
}

bool is_local_daemon(std::string_view host) {
  return host.empty() || host.starts_with("unix://") || host.starts_with("fd://") || host.starts_with('/');
}

}  // namespace berth::cli
