#include <list>
#include <map>
#include <utility>

#include "berth/logs/reader.hpp"
#include "berth/sys/inotify.hpp"
#include "history.hpp"

namespace berth::logs {

struct Follower::Impl : std::enable_shared_from_this<Follower::Impl> {
  struct Followed {
    std::unique_ptr<Source> source;  // lines point to it
    History history;
    int watch = -1;
  };

  async::Loop& loop;
  LineSink sink;
  sys::Inotify inotify;
  async::Watch readable;
  std::list<Followed> followed;
  std::map<int, std::function<void(const std::string&)>> directories;
  bool ended = false;

  Impl(async::Loop& on, LineSink to, sys::Inotify changes)
      : loop(on), sink(std::move(to)), inotify(std::move(changes)) {}

  Result<int> watch_parent(const std::string& path) { return inotify.add(path.substr(0, path.rfind('/'))); }

  void listen() {
    if (!readable && !ended)
      readable = loop.on_readable(inotify.fd(), [this] {
        const auto alive = shared_from_this();  // a sink may let go of the follower
        changed();
      });
  }

  // Errors of one file end the following of that file; the others go on.
  void changed() {
    auto changes = inotify.read();
    if (!changes) return end();
    std::map<int, bool> logs;
    for (const auto& change : *changes) {
      if (change.watch == -1)
        for (const auto& one : followed) logs[one.watch] = true;
      logs[change.watch] = true;
      if (const auto found = directories.find(change.watch); found != directories.end() && !change.name.empty()) {
        const auto call = found->second;  // it may add sources
        call(change.name);
      }
    }
    for (auto one = followed.begin(); one != followed.end() && !ended;) {
      const auto current = one++;
      if (logs.contains(current->watch) && !drain(*current)) forget(current);
    }
  }

  Result<void> drain(Followed& one) {
    std::size_t malformed = 0;
    // Once for the file at hand, then for those that a rotation has put behind it.
    for (int round = 0; round < 2 && !ended; ++round) {
      for (;;) {
        auto line = one.history.next(malformed);
        if (!line) return line.error();
        if (!*line) break;
        if (sink(**line)) continue;
        end();
        return {};
      }
      if (round == 0) BERTH_TRY(one.history.catch_up());
    }
    return {};
  }

  void forget(std::list<Followed>::iterator one) {
    const int watch = one->watch;
    followed.erase(one);
    for (const auto& other : followed)
      if (other.watch == watch) return;
    if (!directories.contains(watch)) inotify.remove(watch);
  }

  void end() {
    ended = true;
    readable.cancel();
  }
};

Follower::Follower(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Follower::~Follower() { impl_->end(); }

Result<std::unique_ptr<Follower>> Follower::create(async::Loop& loop, LineSink sink) {
  auto inotify = sys::Inotify::create();
  if (!inotify) return inotify.error();
  return std::unique_ptr<Follower>(new Follower(std::make_shared<Impl>(loop, std::move(sink), std::move(*inotify))));
}

Result<void> Follower::start(std::vector<Source> sources, const Range& range) {
  std::vector<std::unique_ptr<Source>> kept;
  std::vector<History> histories;
  std::vector<int> watches;
  for (auto& source : sources) {
    auto watch = impl_->watch_parent(source.path);  // before the first read: nothing falls in between
    if (!watch) return watch.error();
    watches.push_back(*watch);
    kept.push_back(std::make_unique<Source>(std::move(source)));
    histories.emplace_back(*kept.back(), range, History::AtEnd::Keep);
    BERTH_TRY(histories.back().open());
  }
  std::size_t malformed = 0;
  auto merged = merge(histories, impl_->sink, malformed);
  if (!merged) return merged.error();
  for (std::size_t i = 0; i < kept.size(); ++i)
    impl_->followed.push_back(Impl::Followed{std::move(kept[i]), std::move(histories[i]), watches[i]});
  if (!*merged) impl_->end();
  impl_->listen();
  return {};
}

Result<void> Follower::add(Source source, std::optional<Position> from) {
  auto watch = impl_->watch_parent(source.path);
  if (!watch) return watch.error();
  auto kept = std::make_unique<Source>(std::move(source));
  History history(*kept, Range{}, History::AtEnd::Keep);
  BERTH_TRY(history.open());
  if (from) BERTH_TRY(history.start_at(*from));
  impl_->followed.push_back(Impl::Followed{std::move(kept), std::move(history), *watch});
  impl_->listen();
  return impl_->drain(impl_->followed.back());
}

void Follower::catch_up(const std::string& path) {
  for (auto& one : impl_->followed)
    if (one.source->path == path) static_cast<void>(impl_->drain(one));  // as in remove()
}

void Follower::remove(const std::string& path) {
  for (auto one = impl_->followed.begin(); one != impl_->followed.end(); ++one) {
    if (one->source->path != path) continue;
    static_cast<void>(impl_->drain(*one));  // a file that cannot be read any more has no more lines
    return impl_->forget(one);
  }
}

Result<void> Follower::watch_directory(const std::string& directory, std::function<void(const std::string&)> appeared) {
  auto watch = impl_->inotify.add(directory);
  if (!watch) return watch.error();
  impl_->directories[*watch] = std::move(appeared);
  impl_->listen();
  return {};
}

}  // namespace berth::logs
