// Where files come from besides the stage itself: the context, additional contexts, other stages, images.
#include <fcntl.h>
#include <sys/stat.h>

#include "berth/sys/file.hpp"
#include "berth/sys/overlay.hpp"
#include "builder.hpp"
#include "digest.hpp"

namespace berth::build {
namespace {

Result<std::string> index_path_of(const std::string& root, const std::string& directory) {
  struct stat status {};
  if (stat(directory.c_str(), &status) != 0)
    return Error::make(ErrorKind::NotFound, "unable to prepare context: path `" + directory + "` not found");
  return root + "/images/ctx/" + std::to_string(status.st_dev) + "-" + std::to_string(status.st_ino) + ".idx";
}

}  // namespace

Result<Context*> Builder::context() {
  if (!context_) {
    auto index = index_path_of(ports_.root, request_.context);
    if (!index) return failed({}, index.error().to_string());
    auto opened = Context::open(request_.context, ignore_, *index);
    if (!opened) return failed({}, opened.error().to_string());
    context_ = std::move(*opened);
  }
  return &*context_;
}

// Has its own .dockerignore; the Dockerfile's does not count here.
Result<Context*> Builder::named_directory(const std::string& name, const text::Span& span) {
  if (const auto known = named_.find(name); known != named_.end()) return &known->second;
  const std::string& directory = contexts_.at(name);
  auto index = index_path_of(ports_.root, directory);
  if (!index) return failed(span, index.error().to_string());
  auto rules = read_ignore_file(directory + "/.dockerignore");
  if (!rules) return failed(span, rules.error().to_string());
  auto opened = Context::open(directory, std::move(*rules), *index);
  if (!opened) return failed(span, opened.error().to_string());
  return &named_.emplace(name, std::move(*opened)).first->second;
}

Result<StageState> Builder::image_state(const std::string& reference, const text::Span& span) {
  auto digest = ports_.images->find(reference);
  // An id is of this store; and what was looked up once in this build is not looked up again.
  const bool anew = request_.pull && !reference.starts_with("sha256:") && pulled_.insert(reference).second;
  if ((!digest || anew) && ports_.pull) {
    auto pulled = ports_.pull(reference);
    if (!pulled && pulled.error().kind() == ErrorKind::Cancelled) return pulled.error();
    if (!pulled)
      return failed(span, "failed to resolve source metadata for " + reference + ": " + pulled.error().to_string());
    digest = ports_.images->find(reference);
  }
  if (!digest)
    return failed(span, "image `" + reference + "` is not in the store",
                  "bring it from where it is: `docker save " + reference + " | berth image load`");
  auto config = ports_.images->config(*digest);
  if (!config) return config.error();
  auto layers = ports_.images->layers(*digest);
  if (!layers) return layers.error();
  StageState state;
  state.config = std::move(*config);
  state.config.diff_ids.clear();
  for (const auto& layer : *layers) state.layers.push_back(layer.id);
  state.key = Digest().field("image").field(digest->value).hex();
  return state;
}

// `FROM context`: the directory is the root file system.
Result<StageState> Builder::state_of_directory(Context& files) {
  StageState state;
  state.config = oci::host_image_config();
  auto content = files.digest(".");
  if (!content) return content.error();
  const std::string key = Digest().field("directory").field(*content).hex();
  BERTH_TRY(layer_step(state, key, [&](image::LayerDraft& draft) -> Result<bool> {
    auto lowers = lower_directories({}, draft);
    if (!lowers) return lowers.error();
    auto target = sys::open_overlay(*lowers, draft.upper(), draft.work());
    if (!target) return target.error();
    sys::CopyOptions options;
    options.owner = sys::CopyOwner{};
    options.filter = [&](const std::string& path, bool directory) { return files.verdict(".", path, directory); };
    auto copied = sys::copy_tree(files.fd(), ".", target->get(), "/", options);
    if (!copied) return copied.error();
    return true;
  }));
  history(state, "COPY . / # buildkit", false);
  return state;
}

Result<Builder::Source> Builder::named_source(const std::string& name, const text::Span& span) {
  const std::string& value = contexts_.at(name);
  Source out;
  if (value.starts_with('/')) {
    auto files = named_directory(name, span);
    if (!files) return files.error();
    out.files = *files;
    return out;
  }
  auto image = image_state(value.substr(kImagePrefix.size()), span);
  if (!image) return image.error();
  out.layers = std::move(image->layers);
  out.key = std::move(image->key);
  return out;
}

Result<Builder::Source> Builder::source_of(const dockerfile::Word& from, std::size_t stage) {
  text::Diagnostics found;
  const auto source = dockerfile::resolve_from(file_, graph_.contexts, stage, from, found);
  if (!source) return failed(from.span, found.all().empty() ? "cannot resolve --from" : found.all().front().message);
  Source out;
  switch (source->kind) {
    case dockerfile::StageSource::Kind::Scratch: out.key = "scratch"; break;
    case dockerfile::StageSource::Kind::Context: return named_source(source->image, from.span);
    case dockerfile::StageSource::Kind::Stage: {
      // Triggers of a base image may name stages that the graph did not see.
      const std::string name = stage_name_, text = step_text_;
      const bool ignores_cache = ignores_cache_;
      BERTH_TRY(build_stage(source->stage));
      stage_name_ = name;
      step_text_ = text;
      ignores_cache_ = ignores_cache;
      out.layers = stages_[source->stage]->layers;
      out.key = stages_[source->stage]->key;
      break;
    }
    case dockerfile::StageSource::Kind::Image: {
      auto image = image_state(source->image, from.span);
      if (!image) return image.error();
      out.layers = std::move(image->layers);
      out.key = std::move(image->key);
      break;
    }
  }
  return out;
}

// The names are BuildKit's; what a value must be is said here, before anything is built.
Result<void> Builder::read_contexts() {
  for (const auto& [name, value] : request_.additional_contexts) {
    if (!value.starts_with('/') && !value.starts_with(kImagePrefix))
      return failed({}, "additional context `" + name + "` is `" + value +
                            "`: it can be a directory, docker-image://NAME or service:NAME, and is not fetched from "
                            "elsewhere");
    contexts_[dockerfile::context_name(name)] = value;
  }
  return {};
}

}  // namespace berth::build
