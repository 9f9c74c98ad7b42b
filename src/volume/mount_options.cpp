#include "mount_options.hpp"

#include <arpa/inet.h>
#include <sys/mount.h>

#include <algorithm>

namespace berth::volume {
namespace {

struct Flag {
  const char* name;
  unsigned long set, cleared;
};
constexpr Flag kFlags[] = {{"ro", MS_RDONLY, 0},
                           {"rw", 0, MS_RDONLY},
                           {"nosuid", MS_NOSUID, 0},
                           {"suid", 0, MS_NOSUID},
                           {"nodev", MS_NODEV, 0},
                           {"dev", 0, MS_NODEV},
                           {"noexec", MS_NOEXEC, 0},
                           {"exec", 0, MS_NOEXEC},
                           {"sync", MS_SYNCHRONOUS, 0},
                           {"async", 0, MS_SYNCHRONOUS},
                           {"dirsync", MS_DIRSYNC, 0},
                           {"noatime", MS_NOATIME, MS_RELATIME},
                           {"atime", 0, MS_NOATIME},
                           {"nodiratime", MS_NODIRATIME, 0},
                           {"diratime", 0, MS_NODIRATIME},
                           {"relatime", MS_RELATIME, 0},
                           {"strictatime", MS_STRICTATIME, 0},
                           {"defaults", 0, 0},
                           {"bind", MS_BIND, 0},
                           {"rbind", MS_BIND | MS_REC, 0}};
constexpr const char* kRefused[] = {"remount",  "move",  "shared", "rshared",    "private",
                                    "rprivate", "slave", "rslave", "unbindable", "runbindable"};

Result<void> check_address(const std::string& address) {
  unsigned char bytes[16];
  if (::inet_pton(AF_INET, address.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, address.c_str(), bytes) == 1)
    return {};
  return Error::make(ErrorKind::Unsupported,
                     "mount option `addr=" + address + "` names a server instead of its address")
      .with_hint("write the IP address: addr=192.0.2.1");
}

}  // namespace

Result<MountOptions> parse_mount_options(const std::string& text) {
  MountOptions options;
  for (std::size_t at = 0; at < text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    const std::string option = text.substr(at, comma - at);
    at = comma + 1;
    const auto flag =
        std::find_if(std::begin(kFlags), std::end(kFlags), [&](const Flag& f) { return option == f.name; });
    if (flag != std::end(kFlags)) {
      options.flags = (options.flags & ~flag->cleared) | flag->set;
      continue;
    }
    if (std::any_of(std::begin(kRefused), std::end(kRefused), [&](const char* name) { return option == name; }))
      return Error::make(ErrorKind::Unsupported, "mount option `" + option + "` cannot be given to a volume");
    if (option.starts_with("addr=")) BERTH_TRY(check_address(option.substr(5)));
    if (!option.empty()) options.data += (options.data.empty() ? "" : ",") + option;
  }
  options.bind = (options.flags & MS_BIND) != 0;
  return options;
}

}  // namespace berth::volume
