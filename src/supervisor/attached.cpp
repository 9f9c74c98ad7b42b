// exec and run: programs with a client at their stdio.
#include <algorithm>

#include "berth/base/random.hpp"
#include "berth/local/runtime_spec.hpp"
#include "berth/model/names.hpp"
#include "berth/sys/regular_file.hpp"
#include "supervisor.hpp"

namespace berth::supervisor {

namespace {

void make_one_off(engine::ContainerSpec& spec, const control::Run& run) {
  spec.one_off = true;
  const std::string& gap = run.project.separator;
  spec.name = run.name.empty() ? spec.project.value + gap + run.service + gap + "run" + gap + random_hex(6) : run.name;
  spec.restart = {};
  spec.labels["com.docker.compose.oneoff"] = "True";
  if (!run.service_ports) spec.ports.clear();
  if (!run.use_aliases)
    for (auto& endpoint : spec.endpoints) endpoint.aliases.clear();
  if (!run.detach) spec.tty = run.terminal.has_value();
  spec.stdin_open = run.interactive && !run.detach && run.terminal;  // else its stdin is the client's own, or nothing
}

// It belongs to no stack: other tools must not take it for a part of one.
void make_standalone(engine::ContainerSpec& spec, const control::Run& run, const engine::ImageFacts& image) {
  const auto& service = run.project.services.at(run.service);
  spec.name = run.name;
  spec.labels = image.labels;
  for (const auto& [key, value] : service.labels) spec.labels[key] = value;
  for (auto& endpoint : spec.endpoints) std::erase(endpoint.aliases, service.name.value);
}

}  // namespace

void Supervisor::create_one_off(Session& session, const control::Run& run) {
  const auto& service = run.project.services.at(run.service);
  const std::string reference = model::image_name(run.project, service);
  const auto image = run.images.find(reference);
  if (image == run.images.end()) return finish(session, 1, {{"image `" + reference + "` is not in the store", ""}});
  auto spec = plan::container_spec(run.project, service, 1, image->second);
  if (!spec) return finish(session, 1, {control::problem_of(spec.error())});
  if (run.standalone)
    make_standalone(*spec, run, image->second);
  else
    make_one_off(*spec, run);
  spec->auto_remove = run.remove;
  auto& containers = engine_->ports().containers;
  ++session.pending;
  containers.create(*spec, {}, [this, self = &session, &containers](Result<ContainerId> id) {
    if (!id) {
      --self->pending;
      return finish(*self, 1, {control::problem_of(id.error())});
    }
    const auto& request = std::get<control::Run>(*self->request);
    self->one_off = *id;
    if (request.remove) auto_remove_[*id] = false;
    if (request.no_start) {
      --self->pending;
      control::ExecStarted message;
      message.id = id->value;
      send(*self, message);
      return finish(*self, 0);
    }
    if (!request.detach) attach_client(*self, request);
    containers.start(*id, [this, self](Result<void> started) {
      --self->pending;
      if (!started) {
        const auto* state = engine_->find(self->one_off);
        self->exit_code = state && state->exit_code ? state->exit_code : 125;
        const auto problem = control::problem_of(started.error());
        const bool goes = auto_remove_.count(self->one_off) != 0 && state && state->phase == engine::Phase::Exited;
        if (!goes) return finish(*self, self->exit_code, {problem});
        send(*self, problem);  // it is over once the container is gone
        return remove_ended_one_offs();
      }
      control::ExecStarted message;
      message.id = self->one_off.value;
      if (std::get<control::Run>(*self->request).detach) {
        send(*self, message);
        return finish(*self, 0);
      }
      const auto terminal = engine_->terminal_of(self->one_off);
      send(*self, message, terminal ? std::vector<int>{terminal.get()} : std::vector<int>{});
      done_with_job(*self);
      check_followers();
    });
  });
}

void Supervisor::attach_client(Session& session, const control::Run& run) {
  session.following = session.tapped = true;
  local::Attachment attachment;
  std::vector<sys::UniqueFd*> wanted;
  if (run.interactive && !run.terminal) wanted.push_back(&attachment.in);
  wanted.push_back(&attachment.out);
  if (!run.terminal) wanted.push_back(&attachment.err);
  for (std::size_t i = 0; i < std::min(wanted.size(), session.descriptors.size()); ++i)
    *wanted[i] = std::move(session.descriptors[i]);
  session.descriptors.clear();
  if (run.terminal) attachment.rows = run.terminal->rows, attachment.columns = run.terminal->columns;
  engine_->attach(session.one_off, std::move(attachment));
}

namespace {

control::Problem not_running(const std::string& service, int index) {
  return {"service `" + service + "` is not running" + (index > 0 ? " as number " + std::to_string(index) : ""),
          "`ps -a` shows what is there"};
}

}  // namespace

std::optional<engine::ContainerState> Supervisor::running_replica(const std::string& service, int index) const {
  std::optional<engine::ContainerState> first;
  for (auto& state : engine_->containers()) {
    if (state.spec.one_off || state.spec.service.value != service || (index > 0 && state.spec.number != index))
      continue;
    const bool runs = state.phase == engine::Phase::Running || state.phase == engine::Phase::Paused;
    if (runs && (!first || state.spec.number < first->spec.number)) first = state;
  }
  return first;
}

void Supervisor::begin_attach(Session& session, const control::Attach& attach) {
  const auto* named = attach.container.empty() ? nullptr : engine_->find(attach.container);
  const auto state = named ? std::optional(*named) : running_replica(attach.service, attach.index);
  if (!state) return finish(session, 1, {not_running(attach.service, attach.index)});
  local::Attachment attachment;
  for (auto* end : {&attachment.out, &attachment.err})
    if (!session.descriptors.empty()) {
      *end = std::move(session.descriptors.front());
      session.descriptors.erase(session.descriptors.begin());
    }
  if (attach.start) return start_attached(session, state->id, std::move(attachment));
  auto input = engine_->attach_running(state->id, std::move(attachment));
  if (!input) return finish(session, 1, {control::problem_of(input.error())});
  session.one_off = state->id;
  session.following = session.tapped = true;
  control::ExecStarted message;
  message.id = state->id.value;
  message.pid = state->pid;
  send(session, message, *input ? std::vector<int>{input->get()} : std::vector<int>{});
}

void Supervisor::start_attached(Session& session, const ContainerId& id, local::Attachment attachment) {
  session.one_off = id;
  session.following = session.tapped = true;
  engine_->attach(id, std::move(attachment));
  ++session.pending;
  engine_->ports().containers.start(id, [this, self = &session, id](Result<void> started) {
    --self->pending;
    const auto* state = engine_->find(id);
    if (!started)
      return finish(*self, state && state->exit_code ? state->exit_code : 125, {control::problem_of(started.error())});
    control::ExecStarted message;
    message.id = id.value;
    message.pid = state ? state->pid : 0;
    const auto input = engine_->input_of(id);
    send(*self, message, input ? std::vector<int>{input.get()} : std::vector<int>{});
    check_followers();  // it may have ended already
  });
}

void Supervisor::begin_exec(Session& session, const control::Exec& exec) {
  local::ExecSpec spec;
  if (!exec.container.empty()) {
    spec.container = exec.container;
  } else if (const auto state = running_replica(exec.service, exec.index)) {
    spec.container = state->id;
  } else {
    return finish(session, 1, {not_running(exec.service, exec.index)});
  }
  spec.argv = exec.argv;
  spec.environment = exec.environment;
  spec.user = exec.user;
  spec.working_dir = exec.working_dir;
  spec.privileged = exec.privileged;
  if (exec.terminal) {
    spec.terminal = true;
    spec.rows = exec.terminal->rows, spec.columns = exec.terminal->columns;
  } else if (session.descriptors.size() >= 3) {
    spec.in = session.descriptors[0].get();
    spec.out = session.descriptors[1].get();
    spec.err = session.descriptors[2].get();
  }
  ++session.pending;
  engine_->exec(
      spec,
      [this, self = &session](Result<int> started) {
        self->descriptors.clear();
        if (!started) {
          --self->pending;
          const auto& why = started.error();
          const int code = why.kind() == ErrorKind::Busy ? 1 : why.errno_value() == ENOENT ? 127 : 126;
          return finish(*self, code, {control::problem_of(why)});
        }
        self->exec_pid = *started;
        if (!self->gone) self->terminal = engine_->take_exec_terminal(*started);
        control::ExecStarted message;
        message.pid = *started;
        send(*self, message, self->terminal ? std::vector<int>{self->terminal.get()} : std::vector<int>{});
        if (std::get<control::Exec>(*self->request).detach) finish(*self, 0);
      },
      [this, self = &session](int code) {
        --self->pending;
        self->drain.cancel();
        self->terminal.reset();
        finish(*self, code);
        sweep();
      });
}

// The client goes, what it was attached to stays. Somebody must read an exec's terminal then, or its program would
// wait.
void Supervisor::detach(Session& session) {
  if (session.terminal) {
    if (auto ready = sys::set_nonblocking(session.terminal.get()); !ready) log(ready.error().to_string());
    session.drain = loop_.on_readable(session.terminal.get(), [self = &session] {
      const auto dropped = sys::discard_from(self->terminal.get(), 64 << 10);
      if (!dropped) self->drain.cancel();  // its last user has closed
    });
  }
  if (!session.one_off.empty() || session.exec_pid) finish(session, 0);
}

void Supervisor::signal(Session& session, const std::string& name) {
  const auto number = local::parse_signal(name);
  if (!number) return;
  if (session.exec_pid) engine_->signal_exec(session.exec_pid, *number);
  if (!session.one_off.empty())
    engine_->ports().containers.kill(session.one_off, name, [](Result<void>) {});  // it may just have ended
}

// Whether a command is about to start it again: to that, its end is no end.
bool Supervisor::is_being_restarted(const ContainerId& id) const {
  return std::any_of(sessions_.begin(), sessions_.end(), [&](const Session& session) {
    const auto* act = session.request && !session.finished ? std::get_if<control::Act>(&*session.request) : nullptr;
    if (!act || act->options.verb != plan::Verb::Restart) return false;
    const auto& ids = act->options.containers;
    return std::find(ids.begin(), ids.end(), id.value) != ids.end();
  });
}

void Supervisor::remove_ended_one_offs() {
  for (auto& [id, removing] : auto_remove_) {
    const auto* state = engine_->find(id);
    if (is_being_restarted(id)) continue;
    if (removing || !state || (state->phase != engine::Phase::Exited && state->phase != engine::Phase::Dead)) continue;
    removing = true;
    const auto removed = [this, id = id](Result<void> result) {
      if (!result) log(result.error().to_string());
      auto_remove_.erase(id);
      for (auto& session : sessions_)
        if (session.one_off == id && !session.finished) finish(session, session.exit_code);
      check_idle();
    };
    // In the next turn: it may just be telling of its end.
    loop_.post([this, id = id, removed] {
      engine_->ports().containers.remove(id, {.force = true, .anonymous_volumes = true}, removed);
    });
  }
}

}  // namespace berth::supervisor
