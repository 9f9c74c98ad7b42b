// COPY and ADD: puts what copy_plan.cpp found into a layer.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "berth/dockerfile/glob.hpp"
#include "berth/image/unpack.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/overlay.hpp"
#include "builder.hpp"

namespace berth::build {
namespace {

// Wildcards in a root file system, element by element.
std::vector<std::string> expand_in_root(int root, const std::string& pattern) {
  std::vector<std::string> found{""};
  for (std::size_t at = 0; at <= pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', at), pattern.size());
    const std::string element = pattern.substr(at, end - at);
    at = end + 1;
    std::vector<std::string> next;
    for (const std::string& directory : found) {
      auto fd = sys::open_in_root(root, directory.empty() ? "/" : directory, O_RDONLY | O_DIRECTORY);
      if (!fd) continue;
      DIR* stream = fdopendir(fd->release());
      if (!stream) continue;
      while (const dirent* entry = readdir(stream)) {
        const std::string name = entry->d_name;
        if (name != "." && name != ".." && dockerfile::match_element(element, name))
          next.push_back(directory.empty() ? name : directory + "/" + name);
      }
      closedir(stream);
    }
    std::sort(next.begin(), next.end());
    found = std::move(next);
  }
  return found;
}

// The strictest of two verdicts.
sys::CopyFilter both(sys::CopyFilter one, sys::CopyFilter other) {
  if (one == sys::CopyFilter::Skip || other == sys::CopyFilter::Skip) return sys::CopyFilter::Skip;
  return one == sys::CopyFilter::Take ? other : one;
}

}  // namespace

Result<void> Builder::copy_heredoc(const CopyItem& item, const CopyPlan& plan, const image::LayerDraft& draft,
                                   int target, const sys::CopyOptions& options) {
  const std::string directory = draft.scratch() + "/heredoc";
  BERTH_TRY(sys::make_directories(directory));
  BERTH_TRY(put_file(directory + "/" + item.path, *item.content, 0644));
  auto source = sys::open(directory, O_PATH | O_DIRECTORY);
  if (!source) return source.error();
  sys::CopyOptions owned = options;
  if (!owned.owner) owned.owner = sys::CopyOwner{};
  auto copied = sys::copy_tree(source->get(), item.path, target, plan.target, owned);
  if (!copied) return copied.error();
  return {};
}

// Unpacked into a directory of its own first: the archive then merges by the rules of any other copy.
Result<bool> Builder::unpack_if_archive(const CopyItem& item, const CopyPlan& plan, const image::LayerDraft& draft,
                                        int target, const sys::CopyOptions& options) {
  auto file = sys::open_in_root(plan.source.files->fd(), item.path, O_RDONLY | O_NONBLOCK);
  if (!file) return false;
  struct stat status {};
  if (fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  auto archive = image::looks_like_archive(file->get());
  if (!archive) return archive.error();
  if (!*archive) return false;
  const std::string directory = draft.scratch() + "/unpacked";
  BERTH_TRY(sys::remove_tree(directory));
  BERTH_TRY(sys::make_directories(directory));
  if (chmod(directory.c_str(), 0755) != 0) return Error::system(errno, "prepare", directory);
  auto into = sys::open(directory, O_RDONLY | O_DIRECTORY);
  if (!into) return into.error();
  auto unpacked = image::unpack_archive(file->get(), into->get());
  if (!unpacked) return unpacked.error();
  sys::CopyOptions kept = options;
  kept.change_mode = {};
  kept.filter = {};                            // .dockerignore is about the context, not about what an archive holds
  if (plan.owner.empty()) kept.owner.reset();  // the archive's owners
  auto copied = sys::copy_tree(into->get(), ".", target, plan.target, kept);
  if (!copied) return copied.error();
  return true;
}

Result<void> Builder::copy_item(const CopyItem& item, const CopyPlan& plan, int source_root, int target,
                                sys::CopyOptions options) {
  options.filter = [&](const std::string& path, bool directory) {
    if (path.empty() || path == ".") return sys::CopyFilter::Take;
    auto verdict = verdict_of(plan.excluded, path, directory);
    if (item.parents) verdict = both(verdict, verdict_of(*item.parents, path, directory));
    if (!plan.source.files) return verdict;
    return both(verdict, plan.source.files->verdict(item.real, path, directory));
  };
  if (!plan.source.files && item.parents && !dockerfile::has_wildcard(item.pattern) &&
      !sys::open_in_root(source_root, joined_path(item.path, item.pattern), O_PATH | O_NOFOLLOW))
    return failed(item.span, "\"/" + joined_path(item.path, item.pattern) + "\": not found");
  const auto paths = !plan.source.files && !item.parents && dockerfile::has_wildcard(item.path)
                         ? expand_in_root(source_root, item.path)
                         : std::vector<std::string>{item.path};
  for (const auto& path : paths) {
    auto copied = sys::copy_tree(source_root, path, target, plan.target, options);
    if (copied) continue;
    const bool missing = copied.error().kind() == ErrorKind::NotFound;
    return failed(item.span, missing ? "\"/" + path + "\": not found" : copied.error().to_string());
  }
  return {};
}

Result<void> Builder::copy_items(const StageState& state, const CopyPlan& plan, const dockerfile::Copy& copy,
                                 const image::LayerDraft& draft) {
  auto lowers = lower_directories(state.layers, draft);
  if (!lowers) return lowers.error();
  sys::UniqueFd view;
  if (!plan.source.files && copy.from) {
    auto from_lowers = lower_directories(plan.source.layers, draft);
    if (!from_lowers) return from_lowers.error();
    auto opened = sys::open_overlay(*from_lowers, "", "");
    if (!opened) return opened.error();
    view = std::move(*opened);
  }
  const int source_root = plan.source.files ? plan.source.files->fd() : view.get();
  auto target = sys::open_overlay(*lowers, draft.upper(), draft.work());
  if (!target) return target.error();
  sys::CopyOptions options;
  if (plan.source.files) options.owner = sys::CopyOwner{};
  if (!plan.owner.empty()) {
    auto owner = owner_in(target->get(), plan.owner);
    if (!owner) return failed(copy.chown->span, owner.error().to_string());
    options.owner = *owner;
  }
  if (plan.mode)
    options.change_mode = [&](mode_t old, bool directory) { return plan.mode->applied_to(old, directory); };
  for (const auto& item : plan.items) {
    if (item.content) {
      auto written = copy_heredoc(item, plan, draft, target->get(), options);
      if (!written) return failed(item.span, written.error().to_string());
      continue;
    }
    if (copy.add && plan.source.files && !item.parents && copy.unpack.value_or(true)) {
      auto unpacked = unpack_if_archive(item, plan, draft, target->get(), options);
      if (!unpacked) return failed(item.span, unpacked.error().to_string());
      if (*unpacked) continue;
    }
    BERTH_TRY(copy_item(item, plan, source_root, target->get(), options));
  }
  return {};
}

Result<void> Builder::apply_copy(StageState& state, const dockerfile::Copy& copy, const dockerfile::Instruction& step,
                                 std::size_t stage) {
  auto plan = plan_copy(state, copy, step, stage);
  if (!plan) return plan.error();
  const auto stepped = layer_step(state, plan->key, [&](image::LayerDraft& draft) -> Result<bool> {
    BERTH_TRY(copy_items(state, *plan, copy, draft));
    return true;
  });
  if (!stepped) return stepped.error();
  history(state, std::move(plan->created_by), false);
  return {};
}

}  // namespace berth::build
