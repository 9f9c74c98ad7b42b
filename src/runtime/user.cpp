#include "berth/runtime/user.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "berth/sys/file.hpp"

namespace berth::runtime {

namespace {

constexpr std::size_t kMaxAccountFile = 1 << 20;

std::vector<std::string_view> split_at(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::optional<std::uint32_t> id_in(std::string_view text) {
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  // 2^32-1 means "unchanged" to setresuid.
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value == UINT32_MAX)
    return std::nullopt;
  return value;
}

struct Account {
  std::string_view name;
  std::uint32_t uid, gid;
  std::string_view home;
};

std::optional<Account> find_account(std::string_view passwd, std::string_view name, std::optional<std::uint32_t> uid) {
  for (const auto line : split_at(passwd, '\n')) {
    const auto fields = split_at(line, ':');
    if (fields.size() < 4 || fields[0].empty() || fields[0][0] == '#') continue;
    const auto its_uid = id_in(fields[2]), its_gid = id_in(fields[3]);
    if (!its_uid || !its_gid) continue;
    if (fields[0] == name || (uid && *its_uid == *uid))
      return Account{fields[0], *its_uid, *its_gid, fields.size() > 5 ? fields[5] : std::string_view()};
  }
  return std::nullopt;
}

struct Group {
  std::string_view name;
  std::uint32_t gid;
  std::vector<std::string_view> members;
};

std::vector<Group> groups_in(std::string_view text) {
  std::vector<Group> groups;
  for (const auto line : split_at(text, '\n')) {
    const auto fields = split_at(line, ':');
    if (fields.size() < 3 || fields[0].empty() || fields[0][0] == '#') continue;
    if (const auto gid = id_in(fields[2]))
      groups.push_back(
          {fields[0], *gid, fields.size() > 3 ? split_at(fields[3], ',') : std::vector<std::string_view>()});
  }
  return groups;
}

Result<std::uint32_t> find_gid(const std::vector<Group>& groups, std::string_view name) {
  const auto at = std::find_if(groups.begin(), groups.end(), [&](const Group& group) { return group.name == name; });
  if (at != groups.end()) return at->gid;
  if (const auto number = id_in(name)) return *number;
  return Error::make(ErrorKind::NotFound, "no group `" + std::string(name) + "` in the container's /etc/group");
}

// Missing: empty. Anything but a regular file, or one that is too large: an error.
Result<std::string> read_account_file(int root_fd, const std::string& path) {
  auto file = sys::open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) {
    const int why = file.error().errno_value();
    if (why == ENOENT || why == ENOTDIR) return std::string();
    return file.error();
  }
  struct stat info {};
  if (fstat(file->get(), &info) != 0) return Error::system(errno, "look at", path);
  if (!S_ISREG(info.st_mode))
    return Error::make(ErrorKind::Invalid, "the container's `" + path + "` is not a regular file");
  return sys::read_all(file->get(), path, kMaxAccountFile);
}

}  // namespace

Result<ResolvedUser> resolve_user_in(std::string_view passwd, std::string_view group, std::string_view user,
                                     const std::vector<std::string>& group_add) {
  const auto colon = user.find(':');
  std::string_view name = user.substr(0, colon);
  const std::string_view group_name = colon == std::string_view::npos ? std::string_view() : user.substr(colon + 1);
  if (name.empty()) name = "0";
  const auto groups = groups_in(group);
  const auto number = id_in(name);
  const auto account = find_account(passwd, name, number);
  if (!account && !number)
    return Error::make(ErrorKind::NotFound, "no user `" + std::string(name) + "` in the container's /etc/passwd")
        .with_hint("add it to the image, or give its number")
        .with_key("user");

  ResolvedUser resolved;
  resolved.user.uid = account ? account->uid : *number;
  resolved.user.gid = account ? account->gid : 0;
  if (account && !account->home.empty()) resolved.home = account->home;
  auto& additional = resolved.user.additional_gids;
  if (!group_name.empty()) {
    auto gid = find_gid(groups, group_name);
    if (!gid) return gid.error();
    resolved.user.gid = *gid;
  } else if (account) {
    for (const auto& one : groups)
      if (std::find(one.members.begin(), one.members.end(), account->name) != one.members.end())
        additional.push_back(one.gid);
  }
  for (const auto& added : group_add) {
    auto gid = find_gid(groups, added);
    if (!gid) return gid.error();
    additional.push_back(*gid);
  }
  std::sort(additional.begin(), additional.end());
  additional.erase(std::unique(additional.begin(), additional.end()), additional.end());
  return resolved;
}

Result<ResolvedUser> resolve_user(int root_fd, std::string_view user, const std::vector<std::string>& group_add) {
  auto passwd = read_account_file(root_fd, "/etc/passwd");
  if (!passwd) return passwd.error();
  auto group = read_account_file(root_fd, "/etc/group");
  if (!group) return group.error();
  return resolve_user_in(*passwd, *group, user, group_add);
}

}  // namespace berth::runtime
