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
  BERTH_TRY(add_namespaces(plan, launch, spec.namespaces));
  const bool own_uts = spec.namespaces.uts.mode == oci::NamespaceMode::New;
  if (own_uts && !spec.hostname.empty())
    plan.op("set the host name", SYS_sethostname, {plan.text(spec.hostname), spec.hostname.size()});
  if (own_uts && !spec.domainname.empty())
    plan.op("set the domain name", SYS_setdomainname, {plan.text(spec.domainname), spec.domainname.size()});
  BERTH_TRY(add_root(plan, spec));
  BERTH_TRY(add_mounts(plan, spec, request.cgroup));
  add_stdio(plan, spec.process, true);
  ProcessOptions options;
  options.seccomp = spec.seccomp;
  options.parent_death = request.parent_death;
  options.set_oom_score = launch.own_memory;
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
  // The keeper's -999 must not come along; written before the mount namespace changes hands.
  const std::string score = std::to_string(request.process.oom_score_adj.value_or(0));
  const int file = plan.save(plan.op("set oom_score_adj", SYS_openat,
                                     {AT_FDCWD, plan.text("/proc/self/oom_score_adj"), O_WRONLY | O_CLOEXEC, 0}));
  plan.op("set oom_score_adj", SYS_write, {Argument::slot(file), plan.text(score), score.size()});
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
