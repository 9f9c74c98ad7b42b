// post_start and pre_stop: programs that run in the container, one after the other, after its start and before its
// stop.
#include "berth/local/exec_output.hpp"
#include "berth/logs/entry.hpp"
#include "engine_state.hpp"
#include "health_text.hpp"

namespace berth::local {
namespace {

constexpr const char* kGroup = "hook";
constexpr std::size_t kOutputKept = 4096;

}  // namespace

struct HookRun {
  ContainerId id;
  std::string kind;
  std::vector<model::Hook> hooks;
  std::size_t at = 0;
  std::shared_ptr<ExecOutput> output;
  std::string line;  // begun
  engine::Done<> done;
};

void LocalEngine::State::run_hooks(const Unit& unit, const std::string& kind, const std::vector<model::Hook>& hooks,
                                   engine::Done<> done) {
  auto run = std::make_shared<HookRun>();
  run->id = unit.id();
  run->kind = kind;
  run->hooks = hooks;
  run->done = std::move(done);
  next_hook(run);
}

Result<void> LocalEngine::State::kill_hooks(const ContainerId& id) {
  return sys::CgroupSet::find(cgroup_name(id) + "/" + kGroup).kill();
}

// What a hook prints is shown to those who follow the container, and is not in its log.
void LocalEngine::State::show_hook_output(HookRun& run, std::string_view bytes) {
  const auto unit = unit_of(run.id);
  if (!unit || !unit->log || !observer.on_line) return;
  for (const char c : bytes) {
    run.line += c;
    if (c != '\n' && run.line.size() < logs::kMaxEntryBytes) continue;
    observer.on_line(unit->shown, {logs::Stream::Stdout, wall_clock(), run.line, unit->log->end()});
    run.line.clear();
  }
}

void LocalEngine::State::next_hook(const std::shared_ptr<HookRun>& run) {
  const auto unit = unit_of(run->id);
  if (!unit) return run->done(no_container(run->id));
  if (run->at == run->hooks.size()) return run->done({});
  const auto& hook = run->hooks[run->at];
  const auto fail = [this, run](const std::string& what) {
    const auto late = unit_of(run->id);
    const std::string name = late ? late->record.name : short_id(run->id);
    run->done(Error::make(ErrorKind::Failed, "the " + run->kind + " hook `" + run->hooks[run->at].command.front() +
                                                 "` of `" + name + "` " + what));
  };
  auto output = ExecOutput::open(loop, kOutputKept, [this, weak = std::weak_ptr(run)](std::string_view bytes) {
    if (const auto self = weak.lock()) show_hook_output(*self, bytes);
  });
  if (!output) return run->done(output.error());
  run->output = *output;
  ExecSpec spec;
  spec.container = run->id;
  spec.argv = hook.command;
  for (const auto& [name, value] : hook.environment)
    if (value) spec.environment.push_back(name + "=" + *value);
  spec.user = hook.user;
  spec.working_dir = hook.working_dir;
  spec.privileged = hook.privileged;
  spec.group = kGroup;
  spec.out = spec.err = run->output->writing_end();
  exec(
      spec,
      [fail](Result<int> started) {
        if (!started) fail("did not start: " + started.error().to_string());
      },
      [this, run, fail](int code) {
        run->output->drain();
        if (!run->line.empty()) show_hook_output(*run, "\n");
        if (code != 0) {
          const std::string said = one_line_of(run->output->kept());
          return fail(exit_text(code, false) + (said.empty() ? "" : ": " + said));
        }
        ++run->at;
        next_hook(run);
      });
  run->output->close_writing_end();
}

}  // namespace berth::local
