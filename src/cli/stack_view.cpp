#include "stack_view.hpp"

#include <unistd.h>

#include <cstdio>

namespace berth::cli {

namespace {

// Of the value, of what it belongs to, of the service.
text::Span place_of(const model::Project& project, const std::string& key) {
  const auto service = project.services.find(key.substr(0, key.find('.')));
  if (service == project.services.end()) return {};
  std::string path = key.find('.') == std::string::npos ? std::string() : key.substr(key.find('.') + 1);
  for (;; path.erase(path.rfind('.'))) {
    if (const auto span = service->second.spans.find(path); span != service->second.spans.end() && span->second)
      return span->second;
    if (path.find('.') == std::string::npos) return service->second.span;
  }
}

}  // namespace

void show_problem(const App& app, const control::Problem& problem, const model::Project* description) {
  if (const auto place = description ? place_of(*description, problem.key) : text::Span{}) {
    text::Diagnostics one;
    one.error(place, problem.text, problem.hint);
    return print_diagnostics(app, one);
  }
  print_error(Error::make(ErrorKind::Failed, problem.text).with_hint(problem.hint));
}

StackView::StackView(const App& app, const ProjectName& project, async::Loop& loop)
    : app_(app),
      project_(project),
      loop_(loop),
      progress_(app),
      formatter_({.color = app.color_out && !app.line.options.flag("no-color"),
                  .prefix = !app.line.options.flag("no-log-prefix"),
                  .timestamps = app.line.options.flag("timestamps"),
                  .clear_line = ::isatty(STDOUT_FILENO) != 0}) {}

void StackView::add_names(const std::vector<std::string>& containers) {
  for (const auto& container : containers) {
    const std::string name = logs::display_name(container, project_.value);
    formatter_.add_name(name);
    names_ += (names_.empty() ? "" : ", ") + name;
  }
}

void StackView::show_interrupt(bool again) {
  if (!attaching_) return;
  progress_.above(stderr, again ? "Killing...\n" : "Gracefully stopping... (press Ctrl+C again to force)\n");
}

void StackView::await_tick() {
  if (tick_ || !progress_.is_live()) return;
  tick_ = loop_.after(LiveProgress::kTick, [this] {
    tick_.cancel();
    progress_.tick();
    await_tick();
  });
}

void StackView::print_line(std::FILE* out, const std::string& text) {
  progress_.above(out, text);
  await_tick();
}

// A line may come in pieces; it is shown whole, with the time of its first.
void StackView::show_line(const control::LogLine& line) {
  if (raw_) return print_line(line.stream == logs::Stream::Stderr ? stderr : stdout, line.text);
  const auto [piece, fresh] = pieces_.try_emplace({line.container, line.stream}, line);
  if (!fresh) piece->second.text += line.text;
  if (!line.text.ends_with('\n')) return;
  const control::LogLine whole = std::move(piece->second);
  pieces_.erase(piece);
  print_line(stdout, formatter_.line(logs::display_name(whole.container, project_.value), whole.text, whole.time));
}

void StackView::print_pieces(const std::string& container) {
  for (const auto stream : {logs::Stream::Stdout, logs::Stream::Stderr}) {
    const auto piece = pieces_.extract({container, stream});
    if (!piece) continue;
    const auto& line = piece.mapped();
    print_line(stdout, formatter_.line(logs::display_name(container, project_.value), line.text, line.time));
  }
}

void StackView::show_exit(const control::Exited& exited) {
  if (raw_) return;
  print_pieces(exited.container);
  std::string text = "exited with code " + std::to_string(exited.code);
  if (exited.oom_killed) text += " (out of memory)";
  if (exited.restarting) text += " (restarting)";
  print_line(stdout, formatter_.status(logs::display_name(exited.container, project_.value), text));
}

// We were too slow for live lines; nothing is lost, the rest is in the file.
void StackView::go_on_in_file(const control::LogsBehind& behind) {
  if (!follower_)
    follower_ = must(logs::Follower::create(loop_, [this](const logs::Line& line) {
      std::string text = line.text;
      if (const auto begun = pieces_.extract({behind_.at(line.source->path), line.stream}))
        text = begun.mapped().text + text;
      print_line(stdout, formatter_.line(line.source->name, text, line.time));
      return true;
    }));
  logs::Position from;
  from.generation = behind.generation;
  from.offset = behind.offset;
  behind_[behind.path] = behind.container;
  std::string id = behind.path.substr(behind.path.rfind('/') + 1);  // <id>-json.log
  id = id.substr(0, id.find('-'));
  const auto files = logs::LogFiles::of(app_.paths.root, app_.paths.run_root, project_.value, id);
  must(follower_->add({logs::display_name(behind.container, project_.value), behind.path, files.commit}, from));
}

int StackView::finish(const control::Done& done) {
  for (const auto& [path, container] : behind_) follower_->remove(path);
  tick_.cancel();
  progress_.leave(true);
  for (const auto& error : done.errors) show_problem(app_, error, description_);
  return done.ok || done.exit_code != 0 ? done.exit_code : static_cast<int>(kFailed);
}

std::optional<int> StackView::show(const control::Message& message) {
  if (const auto* event = std::get_if<control::EventMessage>(&message)) {
    if (event->event.subject == engine::Subject::Project && event->event.step == engine::Step::Stopping)
      print_line(stderr, event->event.reason + "\n");
    else
      progress_.event(event->event);
    await_tick();
  } else if (const auto* line = std::get_if<control::LogLine>(&message)) {
    show_line(*line);
  } else if (const auto* exited = std::get_if<control::Exited>(&message)) {
    show_exit(*exited);
  } else if (const auto* behind = std::get_if<control::LogsBehind>(&message)) {
    go_on_in_file(*behind);
  } else if (std::holds_alternative<control::Attached>(message)) {
    progress_.leave(false);
    if (!names_.empty() && progress_mode(app_) != ProgressMode::Quiet && progress_mode(app_) != ProgressMode::Json)
      print_line(stderr, "Attaching to " + names_ + "\n");
  } else if (const auto* started = std::get_if<control::ExecStarted>(&message)) {
    tick_.cancel();
    progress_.leave(false);  // the screen is the program's now
    if (!started->id.empty() && printing_id_) print(started->id + "\n");
  } else if (const auto* queued = std::get_if<control::Queued>(&message)) {
    if (progress_mode(app_) != ProgressMode::Quiet)
      progress_.above(stderr, ""), print_note("waiting behind " + queued->behind);
  } else if (const auto* problem = std::get_if<control::Problem>(&message)) {
    progress_.above(stderr, "");
    show_problem(app_, *problem, description_);
  } else if (const auto* done = std::get_if<control::Done>(&message)) {
    return finish(*done);
  }
  return std::nullopt;
}

}  // namespace berth::cli
