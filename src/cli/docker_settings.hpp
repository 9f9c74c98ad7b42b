// What files of a real Docker say: where its store is, and which daemon its client would speak to. Pure; the files are
// others'.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::cli {

// `data-root` (formerly `graph`) of /etc/docker/daemon.json; empty where it says nothing.
Result<std::string> data_root_of(std::string_view daemon_json);

// `currentContext` of the client's config.json; empty where it says nothing.
Result<std::string> current_context_of(std::string_view config_json);

struct DockerContext {
  std::string name;
  std::string host;  // of its endpoint `docker`; empty: none
};
Result<DockerContext> context_of(std::string_view meta_json);

// A daemon of this machine: the default one, or a socket in the file system. One that is reached by TCP may be
// anywhere, also behind 127.0.0.1.
bool is_local_daemon(std::string_view host);

}  // namespace berth::cli
