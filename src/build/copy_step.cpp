// COPY and ADD.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "berth/dockerfile/glob.hpp"
#include "berth/dockerfile/mode.hpp"
#include "berth/dockerfile/words.hpp"
#include "berth/image/unpack.hpp"
#include "berth/runtime/user.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/overlay.hpp"
#include "builder.hpp"
#include "digest.hpp"

namespace berth::build {
namespace {

// Sources are clamped to their root: `/a`, `./a` and `../a` are all `a`.
std::string source_path(const std::string& written) {
  std::vector<std::string> kept;
  for (std::size_t at = 0; at <= written.size();) {
    const std::size_t end = std::min(written.find('/', at), written.size());
    const std::string element = written.substr(at, end - at);
    at = end + 1;
    if (element.empty() || element == ".") continue;
    if (element != "..")
      kept.push_back(element);
    else if (!kept.empty())
      kept.pop_back();
  }
  std::string out;
  for (const auto& element : kept) out += (out.empty() ? "" : "/") + element;
  return out.empty() ? "." : out;
}

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

// `3<<-"NAME"` -> NAME; empty where the word is no heredoc.
std::string heredoc_name(const std::string& word) {
  const auto at = word.find("<<");
  if (at == std::string::npos || word.find_first_not_of("0123456789") != at) return {};
  std::string out;
  for (char c : word.substr(at + (word.substr(at + 2).starts_with('-') ? 3 : 2)))
    if (c != '"' && c != '\'') out += c;
  return out;
}

bool is_url(const std::string& text) {
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("git@") ||
         text.starts_with("git://") || text.starts_with("ssh://");
}

}  // namespace

Result<Builder::CopySource> Builder::copy_source(const dockerfile::Word& from, std::size_t stage) {
  text::Diagnostics found;
  const auto source = dockerfile::resolve_from(file_, stage, from, found);
  if (!source) return failed(from.span, found.all().empty() ? "cannot resolve --from" : found.all().front().message);
  CopySource out;
  out.from_context = false;
  switch (source->kind) {
    case dockerfile::StageSource::Kind::Scratch: out.key = "scratch"; break;
    case dockerfile::StageSource::Kind::Stage: {
      // Triggers of a base image may name stages that the graph did not see.
      const std::string name = stage_name_, text = step_text_;
      BERTH_TRY(build_stage(source->stage));
      stage_name_ = name;
      step_text_ = text;
      out.layers = stages_[source->stage]->layers;
      out.key = stages_[source->stage]->key;
      break;
    }
    case dockerfile::StageSource::Kind::Image: {
      auto image = image_state(source->image, from.span);
      if (!image) return image.error();
      out.layers = image->layers;
      out.key = image->key;
      break;
    }
  }
  return out;
}

Result<void> Builder::copy_heredoc(const dockerfile::Heredoc& heredoc, const StageState& state,
                                   const image::LayerDraft& draft, int target, const std::string& destination,
                                   const sys::CopyOptions& options) {
  std::string body = heredoc.body;
  if (heredoc.expand) {
    auto expanded = dockerfile::expand_body(body, [&](std::string_view name) -> std::optional<std::string> {
      const auto at = state.scope.find(std::string(name));
      return at == state.scope.end() ? std::nullopt : std::optional(at->second);
    });
    if (!expanded) return expanded.error();
    body = std::move(*expanded);
  }
  const std::string directory = draft.scratch() + "/heredoc";
  BERTH_TRY(sys::make_directories(directory, 0755));
  if (heredoc.name.find('/') != std::string::npos)
    return Error::make(ErrorKind::Invalid, "a heredoc's name must not hold a slash");
  BERTH_TRY(sys::write_file_atomic(directory + "/" + heredoc.name, body, sys::Durability::Volatile, 0644));
  auto source = sys::open(directory, O_PATH | O_DIRECTORY);
  if (!source) return source.error();
  auto copied = sys::copy_tree(source->get(), heredoc.name, target, destination, options);
  if (!copied) return copied.error();
  return {};
}

// Unpacked into a directory of its own first: the archive then merges by the rules of any other copy.
Result<bool> Builder::unpack_if_archive(const std::string& path, const image::LayerDraft& draft, int target,
                                        const std::string& destination, const sys::CopyOptions& options) {
  auto file = sys::open_in_root((*context())->fd(), path, O_RDONLY);
  if (!file) return false;
  struct stat status {};
  if (fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  auto archive = image::looks_like_archive(file->get());
  if (!archive) return archive.error();
  if (!*archive) return false;
  const std::string directory = draft.scratch() + "/unpacked";
  BERTH_TRY(sys::remove_tree(directory));
  BERTH_TRY(sys::make_directories(directory, 0755));
  auto into = sys::open(directory, O_RDONLY | O_DIRECTORY);
  if (!into) return into.error();
  auto unpacked = image::unpack_archive(file->get(), into->get());
  if (!unpacked) return unpacked.error();
  sys::CopyOptions kept = options;
  if (kept.owner && kept.owner->uid == 0 && kept.owner->gid == 0)
    kept.owner.reset();  // the archive's owners, unless --chown
  auto copied = sys::copy_tree(into->get(), ".", target, destination, kept);
  if (!copied) return copied.error();
  return true;
}

Result<void> Builder::apply_copy(StageState& state, const dockerfile::Copy& copy, const dockerfile::Instruction& step,
                                 std::size_t stage) {
  if (copy.parents) return failed(step.span, "COPY --parents is not supported by this builder");
  if (copy.checksum || copy.keep_git_dir)
    return failed(step.span,
                  "ADD --checksum and --keep-git-dir need remote sources, which this builder does not fetch");
  CopySource source;
  if (copy.from) {
    auto found = copy_source(*copy.from, stage);
    if (!found) return found.error();
    source = std::move(*found);
  }
  auto destination = expand(state, copy.destination);
  if (!destination) return destination.error();
  std::string target_path = absolute(state, *destination);
  Digest digest;
  digest.field(copy.add ? "add" : "copy").field(state.key).field(source.key);

  struct Item {
    std::string path;
    const dockerfile::Heredoc* heredoc = nullptr;
  };
  std::vector<Item> items;
  std::vector<std::string> names;  // the sources, for the history
  bool many = copy.sources.size() > 1;
  for (const auto& word : copy.sources) {
    const dockerfile::Heredoc* heredoc = nullptr;
    for (const auto& each : copy.heredocs)
      if (heredoc_name(word.text) == each.name) heredoc = &each;
    if (heredoc) {
      items.push_back({"", heredoc});
      names.push_back("<<" + heredoc->name);
      digest.field(heredoc->name).field(heredoc->body);
      if (heredoc->expand)
        for (const auto& [name, value] : state.scope) digest.field(name).field(value);
      continue;
    }
    auto text = expand(state, word);
    if (!text) return text.error();
    names.push_back(*text);
    if (is_url(*text))
      return failed(word.span,
                    copy.add ? "this builder does not fetch `" + *text + "`" : "source can't be a URL for COPY",
                    "fetch it in a RUN step, or before the build");
    const std::string path = source_path(*text);
    const bool wild = dockerfile::has_wildcard(path);
    many = many || wild;
    if (!source.from_context) {
      items.push_back({path, nullptr});
      digest.field(path);
      continue;
    }
    auto files = context();
    if (!files) return files.error();
    std::vector<std::string> paths = wild ? (*files)->expand(path) : std::vector<std::string>{path};
    for (const auto& each : paths) {
      if (!(*files)->contains(each))
        return failed(word.span, "\"/" + each + "\": not found",
                      (*files)->ignored(each) ? "`" + each + "` is excluded by .dockerignore"
                                              : "paths are relative to the build context");
      auto content = (*files)->digest(each);
      if (!content) return content.error();
      digest.field(many ? each : "").field(*content);
      items.push_back({each, nullptr});
    }
  }
  if (many && !target_path.ends_with('/')) target_path += '/';
  std::optional<dockerfile::FileMode> mode;
  std::string chown_text, created_by = copy.add ? "ADD" : "COPY";
  if (copy.chown) {
    auto text = expand(state, *copy.chown);
    if (!text) return text.error();
    chown_text = std::move(*text);
    digest.field("chown").field(chown_text);
    created_by += " --chown=" + chown_text;
  }
  if (copy.chmod) {
    auto text = expand(state, *copy.chmod);
    if (!text) return text.error();
    auto parsed = dockerfile::FileMode::parse(*text);
    if (!parsed) return failed(copy.chmod->span, parsed.error().to_string());
    mode = std::move(*parsed);
    digest.field("chmod").field(*text);
    created_by += " --chmod=" + *text;
  }
  for (const auto& name : names) created_by += " " + name;
  created_by += " " + *destination + " # buildkit";
  std::vector<std::string> excluded;
  for (const auto& word : copy.excludes) {
    auto text = expand(state, word);
    if (!text) return text.error();
    digest.field("exclude").field(*text);
    excluded.push_back(std::move(*text));
  }
  auto excludes = dockerfile::IgnoreRules::from_patterns(excluded);
  if (!excludes) return failed(step.span, excludes.error().to_string());
  digest.field("to").field(target_path);

  const auto stepped = layer_step(state, digest.hex(), [&](image::LayerDraft& draft) -> Result<bool> {
    auto lowers = lower_directories(state.layers, draft);
    if (!lowers) return lowers.error();
    sys::UniqueFd from_view;
    if (!source.from_context) {
      auto from_lowers = lower_directories(source.layers, draft);
      if (!from_lowers) return from_lowers.error();
      auto view = sys::open_overlay(*from_lowers, "", "");
      if (!view) return view.error();
      from_view = std::move(*view);
    }
    const int source_root = source.from_context ? (context_ ? context_->fd() : -1) : from_view.get();
    auto target = sys::open_overlay(*lowers, draft.upper(), draft.work());
    if (!target) return target.error();
    sys::CopyOptions options;
    if (source.from_context) options.owner = sys::CopyOwner{};
    if (!chown_text.empty()) {
      auto owner = owner_in(target->get(), chown_text);
      if (!owner) return failed(copy.chown->span, owner.error().to_string());
      options.owner = *owner;
    }
    if (mode) options.change_mode = [mode](mode_t old, bool directory) { return mode->applied_to(old, directory); };
    for (const auto& item : items) {
      if (item.heredoc) {
        auto written = copy_heredoc(*item.heredoc, state, draft, target->get(), target_path, options);
        if (!written) return failed(step.span, written.error().to_string());
        continue;
      }
      options.filter = [&](const std::string& path, bool directory) {
        if (path.empty() || path == ".") return sys::CopyFilter::Take;
        const std::string full = item.path == "." ? path : item.path + "/" + path;
        const auto verdict = [&](const dockerfile::IgnoreRules& rules, const std::string& name) {
          if (rules.empty() || !rules.ignores(name)) return sys::CopyFilter::Take;
          return directory && rules.may_show_below(name) ? sys::CopyFilter::Descend : sys::CopyFilter::Skip;
        };
        const auto by_exclude = verdict(*excludes, path);
        if (by_exclude != sys::CopyFilter::Take || !source.from_context) return by_exclude;
        return verdict(ignore_, full);
      };
      if (copy.add && copy.unpack.value_or(true)) {
        auto unpacked = unpack_if_archive(item.path, draft, target->get(), target_path, options);
        if (!unpacked) return failed(step.span, unpacked.error().to_string());
        if (*unpacked) continue;
      }
      const auto paths = !source.from_context && dockerfile::has_wildcard(item.path)
                             ? expand_in_root(source_root, item.path)
                             : std::vector<std::string>{item.path};
      for (const auto& path : paths) {
        auto copied = sys::copy_tree(source_root, path, target->get(), target_path, options);
        if (copied) continue;
        const bool missing = copied.error().kind() == ErrorKind::NotFound;
        return failed(step.span, missing ? "\"/" + path + "\": not found" : copied.error().to_string());
      }
    }
    return true;
  });
  if (!stepped) return stepped.error();
  history(state, std::move(created_by), false);
  return {};
}

}  // namespace berth::build
