#include "push_images.hpp"

#include <signal.h>

#include <algorithm>

#include "berth/image/store.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/signal_fd.hpp"
#include "compose_files.hpp"
#include "render/live_progress.hpp"

namespace berth::cli {

std::vector<Result<registry::PushedImage>> push_all(const App& app, const std::vector<std::string>& references,
                                                    bool quiet) {
  if (references.empty()) return {};
  must(state::open_roots(app.paths));
  image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  LiveProgress progress(app);
  const bool draws = progress_mode(app) == ProgressMode::Tty && !quiet;
  sys::Wakeups wakeups =
      must(sys::Wakeups::create({SIGINT, SIGTERM}, draws ? LiveProgress::kTick : std::chrono::milliseconds(0)));
  registry::TransferPorts ports;
  ports.images = &store;
  ports.environment = app.environment;
  ports.wake_fd = wakeups.fd();
  ports.cancelled = [&] {
    if (wakeups.take_tick()) progress.tick();
    return wakeups.is_signalled();
  };
  auto outcomes = registry::push_images(references, ports, [&](const registry::TransferEvent& event) {
    if (!quiet) progress.transfer(event);
  });
  progress.leave(false);
  const bool interrupted = std::any_of(outcomes.begin(), outcomes.end(), [](const auto& outcome) {
    return !outcome && outcome.error().kind() == ErrorKind::Cancelled;
  });
  if (interrupted) throw LoadFailed{kInterrupted};
  return outcomes;
}

registry::PushedImage push_image(const App& app, const std::string& reference, bool quiet) {
  return must(std::move(push_all(app, {reference}, quiet).front()));
}

std::vector<std::string> images_to_push(const compose::Loaded& loaded, const std::set<std::string>& services) {
  std::vector<std::string> out;
  std::set<std::string> known;
  for (const auto& [name, service] : loaded.project.services) {
    // Compat: only what is built here, under the names that it is given.
    if (!services.count(name) || !service.build || service.image.empty()) continue;
    if (known.insert(service.image).second) out.push_back(service.image);
    for (const auto& tag : service.build->tags)
      if (known.insert(tag).second) out.push_back(tag);
  }
  return out;
}

bool push_and_tell(const App& app, const std::vector<std::string>& references, bool quiet, bool ignore_failures) {
  if (app.line.globals.flag("dry-run")) {
    for (const auto& reference : references) print_note("would push `" + reference + "`");
    return true;
  }
  const auto outcomes = push_all(app, references, quiet);
  bool good = true;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i]) {
      if (!quiet)
        print(references[i] + ": digest: " + outcomes[i]->digest + " size: " + std::to_string(outcomes[i]->size) +
              "\n");
    } else if (ignore_failures) {
      print_warning(outcomes[i].error().to_string());
    } else {
      print_error(outcomes[i].error());
      good = false;
    }
  }
  return good;
}

}  // namespace berth::cli
