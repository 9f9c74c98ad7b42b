#include "berth/sys/overlay.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "berth/sys/file.hpp"
#include "berth/sys/mount.hpp"

namespace berth::sys {
namespace {

constexpr const char* kPlainDiff[][2] = {
    {"redirect_dir", "off"}, {"metacopy", "off"}, {"index", "off"}, {"xino", "off"}};

// Nothing: this kernel cannot (no lowerdir+); the caller falls back.
Result<UniqueFd> detached_overlay(const std::vector<std::string>& lower, const std::string& upper,
                                  const std::string& work) {
  UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "overlay", 1u /* FSOPEN_CLOEXEC */)));
  if (!context) return Error::system(errno, "open a file system context of", "overlay");
  const auto set = [&](const char* key, const std::string& value) {
    return syscall(SYS_fsconfig, context.get(), 1u /* FSCONFIG_SET_STRING */, key, value.c_str(), 0) == 0;
  };
  for (const auto& option : kPlainDiff)
    if (!set(option[0], option[1])) return Error::system(errno, "set overlay option", option[0]);
  for (const std::string& each : lower)
    if (!set("lowerdir+", each)) return Error::system(errno, "add overlay layer", each);
  if (!upper.empty() && (!set("upperdir", upper) || !set("workdir", work)))
    return Error::system(errno, "set overlay upper directory", upper);
  if (syscall(SYS_fsconfig, context.get(), 6u /* FSCONFIG_CMD_CREATE */, nullptr, nullptr, 0) != 0)
    return Error::system(errno, "create overlay over", lower.front());
  UniqueFd mounted(static_cast<int>(syscall(SYS_fsmount, context.get(), 1u /* FSMOUNT_CLOEXEC */, 0u)));
  if (!mounted) return Error::system(errno, "mount overlay over", lower.front());
  return mounted;
}

Result<UniqueFd> attached_overlay(const std::vector<std::string>& lower, const std::string& upper,
                                  const std::string& work) {
  std::string data = "redirect_dir=off,metacopy=off,index=off,xino=off,lowerdir=";
  for (std::size_t i = 0; i < lower.size(); ++i) data += (i ? ":" : "") + lower[i];
  if (!upper.empty()) data += ",upperdir=" + upper + ",workdir=" + work;
  const std::string at = work + "-mnt";
  if (mkdir(at.c_str(), 0700) != 0 && errno != EEXIST) return Error::system(errno, "create directory", at);
  BERTH_TRY(mount("overlay", at, "overlay", 0, data));
  auto root = open(at, O_PATH | O_DIRECTORY);
  BERTH_TRY(unmount(at));
  rmdir(at.c_str());
  return root;
}

}  // namespace

Result<UniqueFd> open_overlay(const std::vector<std::string>& lower, const std::string& upper,
                              const std::string& work) {
  if (lower.empty()) return Error::make(ErrorKind::Invalid, "an overlay needs a lower directory");
  if (upper.empty() && lower.size() == 1) return open(lower.front(), O_PATH | O_DIRECTORY);
  auto root = detached_overlay(lower, upper, work);
  if (root || root.error().errno_value() != EINVAL || work.empty()) return root;
  return attached_overlay(lower, upper, work);
}

}  // namespace berth::sys
