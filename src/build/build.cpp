#include "berth/build/build.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "berth/dockerfile/checks.hpp"
#include "berth/dockerfile/platform.hpp"
#include "berth/sys/file.hpp"
#include "builder.hpp"
#include "digest.hpp"

namespace berth::build {
namespace {

constexpr const char* kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kLargestDockerfile = 4u << 20;

std::map<std::string, std::string> platform_arguments(const std::string& target) {
  const oci::ImageConfig host = oci::host_image_config();
  std::map<std::string, std::string> out;
  const std::string platform = host.os + "/" + host.architecture + (host.variant.empty() ? "" : "/" + host.variant);
  for (const std::string side : {"BUILD", "TARGET"}) {
    out[side + "PLATFORM"] = platform;
    out[side + "OS"] = host.os;
    out[side + "OSVERSION"] = "";
    out[side + "ARCH"] = host.architecture;
    out[side + "VARIANT"] = host.variant;
  }
  out["TARGETSTAGE"] = target.empty() ? "default" : target;
  return out;
}

// As the user would name it from where they stand.
std::string shown_path(const std::string& path) {
  std::error_code failed;
  const std::string here = std::filesystem::current_path(failed).string() + "/";
  const std::string clean = std::filesystem::path(path).lexically_normal().string();
  return !failed && clean.starts_with(here) ? clean.substr(here.size()) : clean;
}

}  // namespace

Result<BuildOutcome> build(const BuildRequest& request, BuildPorts& ports, const BuildSink& sink) {
  return Builder(request, ports, sink).build();
}

Error Builder::failed(const text::Span& span, const std::string& message, const std::string& hint, std::string output,
                      std::optional<int> code) {
  if (!reported_) {
    BuildEvent event;
    event.kind = BuildEvent::Kind::Failed;
    event.step = step_;
    event.total = total_;
    event.stage = stage_name_;
    event.text = std::move(output);
    event.exit_code = code;
    event.diagnostic.span = span;
    event.diagnostic.message = message;
    event.diagnostic.hint = hint;
    sink_(event);
    reported_ = true;
  }
  return Error::make(ErrorKind::Failed, (span ? span.to_string() + ": " : "") + message);
}

void Builder::begin_step(const std::string& text) {
  ++step_;
  step_text_ = text;
  step_began_ = std::chrono::steady_clock::now();
  BuildEvent event;
  event.step = step_;
  event.total = total_;
  event.stage = stage_name_;
  event.text = text;
  sink_(event);
}

void Builder::end_step(bool cached) {
  if (cached) ++cached_;
  BuildEvent event;
  event.kind = cached ? BuildEvent::Kind::Cached : BuildEvent::Kind::Done;
  event.step = step_;
  event.total = total_;
  event.stage = stage_name_;
  event.text = step_text_;
  event.duration = std::chrono::steady_clock::now() - step_began_;
  sink_(event);
}

std::optional<std::string> Builder::argument(const std::string& name) const {
  const auto given = request_.args.find(name);
  if (given == request_.args.end()) return std::nullopt;
  if (given->second) return given->second;
  const auto inherited = request_.environment.find(name);
  if (inherited == request_.environment.end()) return std::nullopt;
  return inherited->second;
}

Result<std::string> Builder::dockerfile_text(std::string& shown, std::string& ignore_path) {
  ignore_path = request_.context + "/.dockerignore";
  if (!request_.dockerfile_inline.empty()) {
    shown = "dockerfile_inline";
    return request_.dockerfile_inline;
  }
  const std::string name = request_.dockerfile.empty() ? "Dockerfile" : request_.dockerfile;
  std::string path = name.starts_with('/') ? name : request_.context + "/" + name;
  // Compat: `dockerfile` in lower case is found only where no other name was asked for.
  if (!sys::exists(path) && path.ends_with("/Dockerfile")) {
    const std::string lower = path.substr(0, path.size() - 10) + "dockerfile";
    if (sys::exists(lower)) path = lower;
  }
  shown = shown_path(path);
  if (sys::exists(path + ".dockerignore")) ignore_path = path + ".dockerignore";
  auto text = sys::read_file(path, kLargestDockerfile);
  if (!text && text.error().kind() == ErrorKind::NotFound)
    return Error::make(ErrorKind::NotFound,
                       "there is no `" + name + "` in the build context `" + request_.context + "`")
        .with_hint("`build: {context: …, dockerfile: …}` names another one");
  if (!text) return text.error().while_doing("reading the Dockerfile");
  return text;
}

// An image that is not there yet is not fetched for this.
dockerfile::CheckFacts Builder::check_facts() const {
  dockerfile::CheckFacts facts;
  facts.ignored = &ignore_;
  facts.variables_of = [this](const dockerfile::StageSource& base) -> std::optional<std::vector<std::string>> {
    if (!ports_.images) return std::nullopt;
    std::string reference = base.image;
    if (base.kind == dockerfile::StageSource::Kind::Context) {
      const std::string& context = contexts_.at(base.image);
      if (context.starts_with('/')) return std::vector<std::string>();
      reference = context.substr(kImagePrefix.size());
    }
    const auto digest = ports_.images->find(reference);
    if (!digest) return std::nullopt;
    const auto config = ports_.images->config(*digest);
    if (!config) return std::nullopt;
    std::vector<std::string> names;
    for (const auto& pair : config->config.env) names.push_back(pair.substr(0, pair.find('=')));
    return names;
  };
  return facts;
}

Result<void> Builder::read_file() {
  struct stat status {};
  if (const auto& network = request_.network;
      !network.empty() && network != "default" && network != "none" && network != "host")
    return failed({}, "network `" + network + "` cannot be the network of a build", "default, none or host");
  if (request_.context.empty() || stat(request_.context.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return failed({}, "unable to prepare context: path `" + request_.context + "` not found");
  std::string shown, ignore_path;
  auto text = dockerfile_text(shown, ignore_path);
  if (!text) return failed({}, text.error().to_string());
  text::Diagnostics found;
  file_ = dockerfile::parse(std::move(*text), shown, found);
  if (const auto check = argument("BUILDKIT_DOCKERFILE_CHECK")) dockerfile::replace_check(file_, *check, found);
  const auto syntax = argument("BUILDKIT_SYNTAX");
  if (const std::string& used = syntax ? *syntax : file_.syntax; !used.empty() && !dockerfile::is_known_syntax(used))
    found.error(syntax ? text::Span() : file_.syntax_span,
                "front end `" + used + "` is another language than Dockerfile's, and no front end is run as an image",
                "remove the line where the file is a plain Dockerfile, or set the build argument BUILDKIT_SYNTAX to "
                "docker/dockerfile:1");
  dockerfile::GraphRequest wanted;
  wanted.target = request_.target;
  for (const auto& [name, value] : contexts_) wanted.contexts.insert(name);
  wanted.platform_args = platform_args_;
  wanted.all_stages = request_.check_only && request_.target.empty();
  for (const auto& [name, value] : request_.args)
    if (auto resolved = argument(name)) wanted.build_args[name] = *resolved;
  std::optional<dockerfile::StageGraph> graph;
  if (!found.has_errors()) graph = dockerfile::make_graph(file_, wanted, found);
  auto rules = read_ignore_file(ignore_path);
  if (!rules) return failed({}, rules.error().to_string());
  ignore_ = std::move(*rules);
  if (graph) dockerfile::run_checks(file_, *graph, found, check_facts());
  std::optional<Error> first;
  for (const auto& each : found.all()) {
    BuildEvent event;
    event.kind = each.severity == text::Severity::Error ? BuildEvent::Kind::Failed : BuildEvent::Kind::Warning;
    event.diagnostic = each;
    sink_(event);
    if (each.severity == text::Severity::Error && !first)
      first = Error::make(ErrorKind::Invalid, each.span.to_string() + ": " + each.message);
  }
  if (first) return *first;
  graph_ = std::move(*graph);
  return {};
}

Result<StageState> Builder::base_of(std::size_t index) {
  const auto& base = graph_.nodes[index].base;
  if (base.kind == dockerfile::StageSource::Kind::Stage) {
    StageState state = *stages_[base.stage];
    state.command_set = false;
    return state;
  }
  StageState state;
  if (base.kind == dockerfile::StageSource::Kind::Scratch) {
    state.config = oci::host_image_config();
    state.key = Digest().field("scratch").hex();
  } else if (base.kind == dockerfile::StageSource::Kind::Context && contexts_.at(base.image).starts_with('/')) {
    auto files = named_directory(base.image, file_.stages[index].base.span);
    if (!files) return files.error();
    auto made = state_of_directory(**files);
    if (!made) return made;
    state = std::move(*made);
  } else {
    const bool named = base.kind == dockerfile::StageSource::Kind::Context;
    auto image = image_state(named ? contexts_.at(base.image).substr(kImagePrefix.size()) : base.image,
                             file_.stages[index].base.span);
    if (!image) return image;
    state = std::move(*image);
  }
  bool has_path = false;
  for (const auto& pair : state.config.config.env) has_path = has_path || pair.starts_with("PATH=");
  if (!has_path) state.config.config.env.push_back(kDefaultPath);
  for (const auto& pair : state.config.config.env)
    state.scope[pair.substr(0, pair.find('='))] = pair.substr(std::min(pair.find('=') + 1, pair.size()));
  return state;
}

// ONBUILD of the base runs right behind FROM and is not inherited further.
Result<void> Builder::fire_triggers(StageState& state, std::size_t index) {
  const auto triggers = std::exchange(state.config.config.on_build, {});
  for (const std::string& expression : triggers) {
    text::Diagnostics found;
    auto step = dockerfile::parse_trigger(expression, found);
    if (!step)
      return failed(file_.stages[index].span,
                    "the base image has an ONBUILD trigger that cannot be read: " + expression);
    ++total_;
    BERTH_TRY(apply(state, *step, index));
  }
  return {};
}

Result<void> Builder::build_stage(std::size_t index) {
  if (stages_[index]) return {};
  const auto& stage = file_.stages[index];
  stage_name_ = stage.name.empty() ? std::to_string(index) : stage.name;
  ignores_cache_ = request_.no_cache || std::find(request_.no_cache_filter.begin(), request_.no_cache_filter.end(),
                                                  stage_name_) != request_.no_cache_filter.end();
  begin_step("FROM " + stage.base.text + (stage.name.empty() ? "" : " AS " + stage.name_as_written.text));
  if (const auto& wanted = graph_.nodes[index].platform; !wanted.empty()) {
    const std::string& ours = platform_args_["BUILDPLATFORM"];
    const auto platform = dockerfile::normal_platform(wanted, ours);
    if (!platform) return failed(stage.platform->span, platform.error().to_string());
    if (*platform != *dockerfile::normal_platform(ours, ours))
      return failed(stage.platform->span, "platform `" + *platform + "` cannot be built on " + ours,
                    "there is no emulation: build it on a machine of that kind");
  }
  auto state = base_of(index);
  if (!state) return state.error();
  end_step(true);
  BERTH_TRY(fire_triggers(*state, index));
  if (!graph_.nodes[index].replaced)
    for (const auto& step : stage.instructions) BERTH_TRY(apply(*state, step, index));
  stages_[index] = std::move(*state);
  return {};
}

// The image is found again by what it is, so that a rebuild from the cache keeps its digest though the clock went on.
Result<ImageDigest> Builder::finish(StageState& state) {
  for (const auto& [name, value] : request_.labels) state.config.config.labels[name] = value;
  oci::ImageConfig timeless = state.config;
  timeless.created.clear();
  for (auto& entry : timeless.history) entry.created.clear();
  Digest digest;
  digest.field("result").field(oci::to_json(timeless)).field(argument("SOURCE_DATE_EPOCH").value_or(""));
  for (const auto& layer : state.layers) digest.field(layer.value);
  const std::string key = digest.hex();
  auto known = ports_.images->cache_get(key);
  if (!known) return known.error();
  if (*known) {
    const ImageDigest image((*known)->value);
    if (ports_.images->config(image)) {
      for (const auto& tag : request_.tags) BERTH_TRY(ports_.images->tag(image, tag));
      return image;
    }
  }
  auto time = std::chrono::system_clock::now();
  if (const auto epoch = argument("SOURCE_DATE_EPOCH"); epoch && !epoch->empty()) {
    std::int64_t seconds = 0;
    const char* end = epoch->data() + epoch->size();
    const auto parsed = std::from_chars(epoch->data(), end, seconds);
    if (parsed.ec != std::errc() || parsed.ptr != end || seconds < 0)
      return failed({}, "SOURCE_DATE_EPOCH is `" + *epoch + "`, which is no number of seconds");
    time = std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
  }
  const std::string now = text::format_time(time);
  state.config.created = now;
  for (auto& entry : state.config.history)
    if (entry.created.empty()) entry.created = now;
  auto image = ports_.images->put_image(state.config, state.layers, request_.tags);
  if (!image) return image;
  BERTH_TRY(ports_.images->cache_put(key, {LayerId{}, image->value}));
  return image;
}

Result<BuildOutcome> Builder::build() {
  platform_args_ = platform_arguments(request_.target);
  BERTH_TRY(read_contexts());
  BERTH_TRY(read_file());
  if (request_.check_only) return BuildOutcome{};
  stages_.resize(file_.stages.size());
  for (std::size_t index : graph_.order)
    total_ += 1 + (graph_.nodes[index].replaced ? 0 : file_.stages[index].instructions.size());
  for (std::size_t index : graph_.order) {
    if (auto built = build_stage(index); !built) {
      if (context_) context_->save();
      if (!reported_ && built.error().kind() != ErrorKind::Cancelled)
        return failed(file_.stages[index].span, built.error().to_string());
      return built.error();
    }
  }
  if (context_) context_->save();
  auto image = finish(*stages_[graph_.target]);
  if (!image) return image.error();
  BuildEvent event;
  event.kind = BuildEvent::Kind::Image;
  event.text = image->value;
  sink_(event);
  return BuildOutcome{*image, step_, cached_};
}

}  // namespace berth::build
