// What a conversation with a stack's supervisor looks like: progress on the status stream, log lines and exits of
// containers on stdout, problems on stderr.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/async/loop.hpp"
#include "berth/cli/app.hpp"
#include "berth/control/messages.hpp"
#include "berth/logs/format.hpp"
#include "berth/logs/reader.hpp"
#include "render/live_progress.hpp"

namespace berth::cli {

class StackView {
 public:
  // The loop outlives the view; the live picture and logs that are read on from their files run on it.
  StackView(const App& app, const ProjectName& project, async::Loop& loop);
  // Containers whose lines may come, in the order of their colours; the widest sets the padding.
  void add_names(const std::vector<std::string>& containers);
  // Lines of the program alone, on the stream that it wrote them to: `run`.
  void show_raw() { raw_ = true; }
  // The description that was sent: problems are shown at their place in it. Outlives the view.
  void show_places_in(const model::Project& description) { description_ = &description; }
  // Of an `up` that stays: what Ctrl-C does there is said.
  void set_attaching(bool attaching) { attaching_ = attaching; }
  // The id of what was started is the answer: `run -d`.
  void set_printing_id(bool printing) { printing_id_ = printing; }
  // Ctrl-C was pressed once, or again.
  void show_interrupt(bool again);

  // Shows one message; the exit code when it was the last.
  std::optional<int> show(const control::Message& message);

 private:
  void show_line(const control::LogLine& line);
  void show_exit(const control::Exited& exited);
  void go_on_in_file(const control::LogsBehind& behind);
  void print_line(std::FILE* out, const std::string& text);
  void print_pieces(const std::string& container);  // it has ended: what it left without a newline
  int finish(const control::Done& done);
  void await_tick();

  const App& app_;
  const ProjectName& project_;
  async::Loop& loop_;
  LiveProgress progress_;
  logs::LineFormatter formatter_;
  async::Timer tick_;
  std::unique_ptr<logs::Follower> follower_;   // of containers whose live lines have ended for us
  std::map<std::string, std::string> behind_;  // ... by the path of their log
  // Beginnings of lines whose end has not come yet, by container and stream.
  std::map<std::pair<std::string, logs::Stream>, control::LogLine> pieces_;
  std::string names_;
  const model::Project* description_ = nullptr;
  bool raw_ = false, attaching_ = false, printing_id_ = false;
};

// At its place in the compose file, where `description` has it.
void show_problem(const App& app, const control::Problem& problem, const model::Project* description);

}  // namespace berth::cli
