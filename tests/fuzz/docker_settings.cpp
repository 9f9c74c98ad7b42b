// Files of a real Docker: daemon.json, the client's config.json, a context's meta.json; and a mountinfo.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../../src/cli/docker_settings.hpp"
#include "berth/sys/directory_users.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)berth::cli::data_root_of(text);
  (void)berth::cli::current_context_of(text);
  if (const auto context = berth::cli::context_of(text)) (void)berth::cli::is_local_daemon(context->host);
  (void)berth::sys::mount_points_of(text);
  return 0;
}
