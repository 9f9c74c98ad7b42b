// RUN --mount: what a step sees besides its layers, and what is kept of it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "berth/dockerfile/words.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/overlay.hpp"
#include "builder.hpp"
#include "digest.hpp"

namespace berth::build {
namespace {

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// `default` or `id=socket`; empty where the id is not there.
std::string agent_of(const std::vector<std::string>& ssh, const std::string& id,
                     const std::map<std::string, std::string>& environment) {
  for (const auto& each : ssh) {
    const auto equals = each.find('=');
    if (each.substr(0, equals) != id) continue;
    if (equals != std::string::npos) return each.substr(equals + 1);
    const auto socket = environment.find("SSH_AUTH_SOCK");
    return socket == environment.end() ? std::string() : socket->second;
  }
  return {};
}

}  // namespace

oci::Mount bind_mount(const std::string& source, const std::string& target, bool read_only) {
  oci::Mount out;
  out.type = "bind";
  out.source = source;
  out.destination = target;
  out.options = {"rbind", read_only ? "ro" : "rw"};
  return out;
}

// Content of bind mounts counts for the step's key; that of caches, secrets and agents does not.
Result<std::vector<Builder::MountWish>> Builder::plan_mounts(const StageState& state, const dockerfile::Run& run,
                                                             std::size_t stage, Digest& digest) {
  std::vector<MountWish> wishes;
  for (const auto& word : run.mounts) {
    auto mount =
        dockerfile::parse_run_mount(word.text, file_.escape, [&](std::string_view name) -> std::optional<std::string> {
          const auto at = state.scope.find(std::string(name));
          return at == state.scope.end() ? std::nullopt : std::optional(at->second);
        });
    if (!mount) return failed(word.span, mount.error().to_string());
    digest.field("mount").field(word.text);
    if (mount->kind == dockerfile::MountKind::Bind) {
      auto source = mount->from.empty() ? Result<Source>(Source{}) : source_of({mount->from, word.span}, stage);
      if (!source) return source.error();
      if (mount->from.empty()) {
        auto files = context();
        if (!files) return files.error();
        source->files = *files;
      }
      digest.field(source->key);
      if (source->files) {
        const std::string path = source->files->real_path(clamped_path(mount->source));
        if (!source->files->contains(path))
          return failed(word.span, "\"/" + path + "\": not found",
                        source->files->ignored(path) ? "`" + path + "` is excluded by .dockerignore"
                                                     : "paths are relative to the build context");
        auto content = source->files->digest(path);
        if (!content) return content.error();
        digest.field(*content);
      }
    }
    wishes.push_back({std::move(*mount), word.span});
  }
  return wishes;
}

Result<void> Builder::copy_for_mount(const MountWish& wish, std::size_t stage, const image::LayerDraft& draft,
                                     const std::string& own) {
  Source source;
  if (!wish.mount.from.empty()) {
    auto found = source_of({wish.mount.from, wish.span}, stage);
    if (!found) return found.error();
    source = std::move(*found);
  } else {
    auto files = context();
    if (!files) return files.error();
    source.files = *files;
  }
  sys::CopyOptions options;
  sys::UniqueFd view;
  std::string path = clamped_path(wish.mount.source);
  if (source.files) {
    path = source.files->real_path(path);
    options.owner = sys::CopyOwner{};
    options.filter = [&](const std::string& below, bool directory) {
      return source.files->verdict(path, below, directory);
    };
  } else {
    auto lowers = lower_directories(source.layers, draft);
    if (!lowers) return lowers.error();
    auto opened = sys::open_overlay(*lowers, "", "");
    if (!opened) return opened.error();
    view = std::move(*opened);
  }
  BERTH_TRY(sys::make_directories(own));
  auto into = sys::open(own, O_PATH | O_DIRECTORY);
  if (!into) return into.error();
  auto copied = sys::copy_tree(source.files ? source.files->fd() : view.get(), path, into->get(), "content", options);
  if (copied) return {};
  const bool missing = copied.error().kind() == ErrorKind::NotFound;
  return failed(wish.span, missing ? "\"/" + path + "\": not found" : copied.error().to_string());
}

// A copy of its own: what the step writes there is thrown away, as BuildKit does.
Result<void> Builder::mount_bind(RunMounts& out, const MountWish& wish, const std::string& target,
                                 const std::string& own, std::size_t stage, const image::LayerDraft& draft) {
  BERTH_TRY(copy_for_mount(wish, stage, draft, own));
  out.mounts.push_back(bind_mount(own + "/content", target, wish.mount.read_only));
  return {};
}

Result<void> Builder::mount_secret(RunMounts& out, const MountWish& wish, const std::string& target,
                                   const std::string& own) {
  const dockerfile::RunMount& mount = wish.mount;
  const std::string id = !mount.id.empty() ? mount.id : !mount.source.empty() ? mount.source : name_of(mount.target);
  const auto secret = request_.secrets.find(id);
  if (secret == request_.secrets.end()) {
    if (!mount.required) return {};
    return failed(wish.span, "secret " + id + ": not found", "list it below `build: secrets:` of the service");
  }
  Result<std::string> bytes = secret->second.content ? Result<std::string>(*secret->second.content)
                                                     : sys::read_file(secret->second.file, 1u << 20);
  if (!bytes) return failed(wish.span, "secret " + id + ": " + bytes.error().to_string());
  if (mount.env) out.env.push_back((mount.env->empty() ? id : *mount.env) + "=" + *bytes);
  if (mount.env && mount.target.empty()) return {};
  BERTH_TRY(put_file(own, *bytes, mount.mode.value_or(0400)));
  if (chown(own.c_str(), mount.uid.value_or(0), mount.gid.value_or(0)) != 0)
    return Error::system(errno, "prepare secret", id);
  out.mounts.push_back(bind_mount(own, mount.target.empty() ? "/run/secrets/" + name_of(id) : target, true));
  return {};
}

Result<void> Builder::mount_cache(RunMounts& out, const MountWish& wish, const std::string& target,
                                  const std::string& own, std::size_t stage, const image::LayerDraft& draft) {
  const dockerfile::RunMount& mount = wish.mount;
  const std::string scope = argument("BUILDKIT_CACHE_MOUNT_NS").value_or("");
  const std::string id = mount.id.empty() ? target : mount.id;
  std::string directory = ports_.root + "/images/mounts/" + Digest().field(scope.empty() ? id : scope + "/" + id).hex();
  BERTH_TRY(sys::make_directories(ports_.root + "/images/mounts"));
  if (mount.sharing == dockerfile::CacheSharing::Private) {
    // A second writer gets a cache of its own, for this step.
    auto lock = sys::try_lock_file(directory + ".lock", sys::LockMode::Exclusive);
    if (lock)
      out.held.push_back(std::move(*lock));
    else
      directory = own;
  } else {
    const bool locked = mount.sharing == dockerfile::CacheSharing::Locked;
    auto lock = sys::lock_file(directory + ".lock", locked ? sys::LockMode::Exclusive : sys::LockMode::Shared);
    if (!lock) return lock.error();
    out.held.push_back(std::move(*lock));
  }
  const bool fresh = !sys::exists(directory);
  if (fresh && !mount.from.empty()) {
    const std::string seed = own + "-seed";
    BERTH_TRY(copy_for_mount(wish, stage, draft, seed));
    if (rename((seed + "/content").c_str(), directory.c_str()) != 0)
      return Error::system(errno, "prepare cache mount", target);
  } else if (fresh) {
    BERTH_TRY(sys::make_directories(directory));
  }
  if (fresh && (chmod(directory.c_str(), mount.mode.value_or(0755)) != 0 ||
                chown(directory.c_str(), mount.uid.value_or(0), mount.gid.value_or(0)) != 0))
    return Error::system(errno, "prepare cache mount", target);
  out.mounts.push_back(bind_mount(directory, target, mount.read_only));
  return {};
}

Result<void> Builder::mount_agent(RunMounts& out, const MountWish& wish, const std::string& target,
                                  const std::string& own) {
  const dockerfile::RunMount& mount = wish.mount;
  const std::string id = mount.id.empty() ? "default" : mount.id;
  const std::string agent = agent_of(request_.ssh, id, request_.environment);
  struct stat status {};
  if (agent.empty() || stat(agent.c_str(), &status) != 0) {
    if (!mount.required && agent.empty()) return {};
    return failed(wish.span, agent.empty() ? "no SSH agent `" + id + "`" : "no SSH agent at `" + agent + "`",
                  "list it below `build: ssh:`, with SSH_AUTH_SOCK set where it is the default one");
  }
  if (!S_ISSOCK(status.st_mode))
    return failed(wish.span, "`" + agent + "` is not the socket of an SSH agent: keys are not read from files",
                  "start ssh-agent, ssh-add the key, and give the agent's socket");
  AgentForward::Access access{mount.mode.value_or(0600), mount.uid.value_or(0), mount.gid.value_or(0)};
  auto forward = AgentForward::listen(own, agent, access);
  if (!forward) return forward.error();
  const std::string where =
      mount.target.empty() ? "/run/buildkit/ssh_agent." + std::to_string(out.agents.size()) : target;
  if (out.agents.empty()) out.env.push_back("SSH_AUTH_SOCK=" + where);
  out.agents.push_back(std::move(*forward));
  out.mounts.push_back(bind_mount(own, where, false));
  return {};
}

Result<Builder::RunMounts> Builder::run_mounts(const StageState& state, const std::vector<MountWish>& wishes,
                                               std::size_t stage, const image::LayerDraft& draft) {
  RunMounts out;
  std::size_t number = 0;
  for (const auto& wish : wishes) {
    const std::string target = absolute(state, wish.mount.target);
    const std::string own = draft.scratch() + "/mount" + std::to_string(number++);
    switch (wish.mount.kind) {
      case dockerfile::MountKind::Tmpfs: {
        oci::Mount tmpfs;
        tmpfs.type = tmpfs.source = "tmpfs";
        tmpfs.destination = target;
        tmpfs.options = {"nosuid", "nodev"};
        if (wish.mount.size.bytes) tmpfs.options.push_back("size=" + std::to_string(wish.mount.size.bytes));
        out.mounts.push_back(std::move(tmpfs));
        break;
      }
      case dockerfile::MountKind::Secret: BERTH_TRY(mount_secret(out, wish, target, own)); break;
      case dockerfile::MountKind::Cache: BERTH_TRY(mount_cache(out, wish, target, own, stage, draft)); break;
      case dockerfile::MountKind::Bind: BERTH_TRY(mount_bind(out, wish, target, own, stage, draft)); break;
      case dockerfile::MountKind::Ssh: BERTH_TRY(mount_agent(out, wish, target, own)); break;
    }
  }
  return out;
}

}  // namespace berth::build
