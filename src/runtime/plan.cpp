// The two kinds of plan, put together from their parts.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "berth/sys/file.hpp"
#include "plan_parts.hpp"

namespace berth::runtime {

namespace {

Result<void> check_name(const std::string& name) {
  const bool clean =
      !name.empty() && name.size() < sizeof(init::Message::name) && name[0] != '.' &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == std::string::npos;
  if (clean) return {};
  return Error::make(ErrorKind::Invalid, "`" + name + "` cannot name a process");
}

struct Kind {
  const char* what;
  unsigned long flag;
  const oci::Namespace& space;
};

// A mount of another container's, as a detached tree. We are in its mount namespace for a moment, because the kernel
// clones no mount of another one. The link of a hostile image is not followed.
int take_mount(PlanBuilder& plan, int mounts, const char* path) {
  const std::string label = std::string("take `") + path + "` from the joined container";
  const int home =
      plan.save(plan.op(label, SYS_openat, {AT_FDCWD, plan.text("/proc/self/ns/mnt"), O_RDONLY | O_CLOEXEC, 0}));
  plan.op(label, SYS_setns, {Argument::slot(plan.borrow(mounts)), CLONE_NEWNS});
  const int tree = plan.save(plan.op(
      label, SYS_open_tree, {AT_FDCWD, plan.text(path), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW}));
  plan.op(label, SYS_setns, {Argument::slot(home), CLONE_NEWNS});
  plan.op(label, SYS_close, {Argument::slot(home)});
  return tree;
}

JoinedMounts take_mounts(PlanBuilder& plan, const oci::Namespaces& spaces) {
  JoinedMounts joined;
  if (spaces.pid.mounts >= 0) joined.proc = take_mount(plan, spaces.pid.mounts, "/proc");
  if (spaces.ipc.mounts >= 0) joined.shm = take_mount(plan, spaces.ipc.mounts, "/dev/shm");
  return joined;
}

// The keeper's own must not come along. Where the container's /proc does not show this process, that is done before.
void set_oom_score(PlanBuilder& plan, const oci::Process& process) {
  const std::string score = std::to_string(process.oom_score_adj.value_or(0)), label = "set oom_score_adj to " + score;
  const int file =
      plan.save(plan.op(label, SYS_openat, {AT_FDCWD, plan.text("/proc/self/oom_score_adj"), O_WRONLY | O_CLOEXEC, 0}));
  plan.op(label, SYS_write, {Argument::slot(file), plan.text(score), score.size()});
}

Result<void> add_namespaces(PlanBuilder& plan, LaunchPlan& launch, const oci::Namespaces& spaces) {
  unsigned long fresh = CLONE_NEWNS;
  const Kind kinds[] = {{"network", CLONE_NEWNET, spaces.network},
                        {"ipc", CLONE_NEWIPC, spaces.ipc},
                        {"uts", CLONE_NEWUTS, spaces.uts},
                        {"pid", CLONE_NEWPID, spaces.pid}};
  for (const auto& kind : kinds) {
    if (kind.space.mode == oci::NamespaceMode::New) {
      if (kind.flag == CLONE_NEWPID)
        launch.clone_flags |= CLONE_NEWPID;  // unshare would only move the children of the child
      else
        fresh |= kind.flag;
    }
    if (kind.space.mode != oci::NamespaceMode::Join) continue;
    int slot = 0;
    if (kind.space.fd >= 0) {
      slot = plan.borrow(kind.space.fd);
    } else {
      auto file = sys::open(kind.space.path, O_RDONLY);
      if (!file) return file.error().while_doing(std::string("joining a ") + kind.what + " namespace");
      slot = plan.own(std::move(*file));
    }
    plan.op(std::string("join the ") + kind.what + " namespace", SYS_setns, {Argument::slot(slot), kind.flag});
    if (kind.flag == CLONE_NEWPID) launch.forks = launch.own_memory = true;
  }
  plan.op("make namespaces", SYS_unshare, {fresh});
  return {};
}

}  // namespace

Result<LaunchPlan> build_launch_plan(const LaunchRequest& request) {
  BERTH_TRY(check_name(request.name));
  const oci::RuntimeSpec& spec = request.spec;
  LaunchPlan launch;
  launch.name = request.name;
  launch.terminal = spec.process.terminal;
  // A few MiB are eaten by the set-up itself: an OOM kill there would take the zygote along.
  launch.own_memory =
      spec.process.oom_score_adj.has_value() || (spec.resources.memory > 0 && spec.resources.memory < (16 << 20));
  PlanBuilder plan;
  BERTH_TRY(add_channels(plan, launch, request.stdio, spec.process.user));
  const JoinedMounts joined = take_mounts(plan, spec.namespaces);
  BERTH_TRY(add_namespaces(plan, launch, spec.namespaces));
  if (launch.forks) set_oom_score(plan, spec.process);
  const bool own_uts = spec.namespaces.uts.mode == oci::NamespaceMode::New;
  if (own_uts && !spec.hostname.empty())
    plan.op("set the host name", SYS_sethostname, {plan.text(spec.hostname), spec.hostname.size()});
  if (own_uts && !spec.domainname.empty())
    plan.op("set the domain name", SYS_setdomainname, {plan.text(spec.domainname), spec.domainname.size()});
  BERTH_TRY(add_root(plan, spec));
  BERTH_TRY(add_mounts(plan, spec, request.cgroup, joined));
  add_stdio(plan, spec.process, true);
  ProcessOptions options;
  options.seccomp = spec.seccomp;
  options.parent_death = request.parent_death;
  options.set_oom_score = launch.own_memory && !launch.forks;
  options.fork_before_exec = launch.forks;
  BERTH_TRY(add_process(plan, spec.process, options));
  launch.program = spec.process.args[0];
  BERTH_TRY(plan.finish(launch));
  return launch;
}

Result<LaunchPlan> build_exec_plan(const ExecRequest& request) {
  BERTH_TRY(check_name(request.name));
  LaunchPlan launch;
  launch.name = request.name;
  launch.terminal = request.process.terminal;
  launch.own_memory = launch.forks = true;
  PlanBuilder plan;
  BERTH_TRY(add_channels(plan, launch, request.stdio, request.process.user));
  if (request.cgroup) {
    auto procs = request.cgroup->open_procs();
    if (!procs) return procs.error();
    for (auto& file : *procs)
      plan.op("join the control group", SYS_write, {Argument::slot(plan.own(std::move(file))), plan.text("0"), 1});
  }
  ProcessOptions options;
  options.seccomp = request.seccomp;
  options.fork_before_exec = true;
  set_oom_score(plan, request.process);
  plan.op("enter the container", SYS_setns,
          {Argument::slot(plan.borrow(request.target_pidfd)),
           CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWPID});
  add_stdio(plan, request.process, false);
  BERTH_TRY(add_process(plan, request.process, options));
  launch.program = request.process.args.at(0);
  BERTH_TRY(plan.finish(launch));
  return launch;
}

}  // namespace berth::runtime
