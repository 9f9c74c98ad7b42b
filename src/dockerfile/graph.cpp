#include "berth/dockerfile/graph.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "berth/dockerfile/mount.hpp"
#include "berth/dockerfile/words.hpp"
#include "berth/text/suggest.hpp"

namespace berth::dockerfile {
namespace {

std::string lower_name(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The latest stage before `before` with that name.
std::optional<std::size_t> stage_named(const Dockerfile& file, std::size_t before, const std::string& name) {
  for (std::size_t i = before; i-- > 0;)
    if (!file.stages[i].name.empty() && file.stages[i].name == name) return i;
  return std::nullopt;
}

StageSource source_of_stage(const Dockerfile& file, const std::set<std::string>& contexts, std::size_t stage) {
  const std::string name = context_name(file.stages[stage].name);
  if (!name.empty() && contexts.count(name)) return {StageSource::Kind::Context, 0, name};
  return {StageSource::Kind::Stage, stage, {}};
}

// Global arguments in the file's order: a default may use the ones above it.
std::map<std::string, std::string> global_arguments(const Dockerfile& file, const GraphRequest& request,
                                                    text::Diagnostics& found) {
  std::map<std::string, std::string> values = request.platform_args;
  for (const auto& [name, value] : request.build_args)
    if (values.count(name)) values[name] = value;
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto at = values.find(std::string(name));
    if (at == values.end()) return std::nullopt;
    return at->second;
  };
  for (const Instruction& instruction : file.global_args) {
    for (const ArgDeclaration& one : std::get<Arg>(instruction.operation).names) {
      if (const auto given = request.build_args.find(one.name.text); given != request.build_args.end()) {
        values[one.name.text] = given->second;
        continue;
      }
      if (!one.value) continue;
      auto expanded = expand_word(one.value->text, file.escape, lookup);
      if (!expanded)
        found.error(one.value->span, expanded.error().to_string());
      else
        values[one.name.text] = expanded->text;
    }
  }
  return values;
}

struct NodeMaker {
  const Dockerfile& file;
  const StageGraph& graph;
  text::Diagnostics& found;

  std::string expanded(const Word& word) {
    const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
      const auto at = graph.global_args.find(std::string(name));
      if (at == graph.global_args.end()) return std::nullopt;
      return at->second;
    };
    auto text = expand_word(word.text, file.escape, lookup);
    if (text) return text->text;
    found.error(word.span, text.error().to_string());
    return {};
  }

  void need(StageNode& node, const StageSource& source) {
    if (source.kind == StageSource::Kind::Stage)
      node.needs.push_back(source.stage);
    else if (source.kind == StageSource::Kind::Image)
      node.images.push_back(source.image);
  }

  StageNode make(std::size_t index) {
    const Stage& stage = file.stages[index];
    StageNode node;
    if (stage.base.text.empty()) return node;  // a FROM that could not be read; reported already
    if (!stage.name.empty() && graph.contexts.count(context_name(stage.name))) {
      node.base = {StageSource::Kind::Context, 0, context_name(stage.name)};
      node.replaced = true;
      return node;
    }
    const std::string base = expanded(stage.base);
    if (base.empty()) {
      found.error(stage.base.span, "base name (" + stage.base.text + ") should not be blank",
                  "declare it above the first FROM with a default: ARG NAME=value");
    } else if (const auto earlier = stage_named(file, index, lower_name(base))) {
      node.base = {StageSource::Kind::Stage, *earlier, {}};
      node.needs.push_back(*earlier);
    } else if (base == "scratch") {
      node.base.kind = StageSource::Kind::Scratch;
    } else if (graph.contexts.count(context_name(base))) {
      node.base = {StageSource::Kind::Context, 0, context_name(base)};
    } else {
      node.base = {StageSource::Kind::Image, 0, base};
    }
    if (stage.platform) {
      node.platform = expanded(*stage.platform);
      if (node.platform.empty())
        found.error(stage.platform->span, "empty platform value from expression " + stage.platform->text);
    }
    for (const Instruction& instruction : stage.instructions) {
      if (const auto* copy = std::get_if<Copy>(&instruction.operation); copy && copy->from) {
        if (auto source = resolve_from(file, graph.contexts, index, *copy->from, found)) need(node, *source);
      } else if (const auto* run = std::get_if<Run>(&instruction.operation)) {
        for (const Word& mount : run->mounts) {
          const auto parsed = parse_run_mount(mount.text, file.escape, {});
          if (!parsed || parsed->from.empty()) continue;
          if (auto source = resolve_from(file, graph.contexts, index, {parsed->from, mount.span}, found))
            need(node, *source);
        }
      }
    }
    return node;
  }
};

// References only ever point to earlier stages, so depth-first order is a topological one and there are no cycles.
void visit(const StageGraph& graph, std::size_t stage, std::vector<bool>& seen, std::vector<std::size_t>& order) {
  if (seen[stage]) return;
  seen[stage] = true;
  for (std::size_t needed : graph.nodes[stage].needs) visit(graph, needed, seen, order);
  order.push_back(stage);
}

}  // namespace

std::string context_name(std::string name) {
  for (const char* prefix : {"docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/"})
    if (name.starts_with(prefix)) {
      name.erase(0, std::string_view(prefix).size());
      break;
    }
  if (name.ends_with(":latest")) name.resize(name.size() - 7);
  return lower_name(std::move(name));
}

std::optional<StageSource> resolve_from(const Dockerfile& file, const std::set<std::string>& contexts,
                                        std::size_t inside, const Word& name, text::Diagnostics& found) {
  const std::string text = lower_name(name.text);
  if (text.empty()) {
    found.error(name.span, "--from needs the name of a stage or an image");
    return std::nullopt;
  }
  std::size_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string here = file.stages[inside].name.empty() ? std::to_string(inside) : file.stages[inside].name;
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) {
    if (number < inside) return source_of_stage(file, contexts, number);
    if (number >= file.stages.size())
      found.error(name.span, "invalid stage index " + text);
    else
      found.error(name.span, "cannot copy from stage \"" + text + "\", it needs to be defined before current stage \"" +
                                 here + "\"");
    return std::nullopt;
  }
  if (const auto earlier = stage_named(file, inside, text)) return source_of_stage(file, contexts, *earlier);
  if (const auto later = stage_named(file, file.stages.size(), text)) {
    if (*later == inside)
      found.error(name.span, "circular dependency detected on stage: " + text);
    else
      found.error(name.span, "cannot copy from stage \"" + text + "\", it needs to be defined before current stage \"" +
                                 here + "\"");
    return std::nullopt;
  }
  if (text == "scratch") return StageSource{StageSource::Kind::Scratch, 0, {}};
  if (contexts.count(context_name(text))) return StageSource{StageSource::Kind::Context, 0, context_name(text)};
  return StageSource{StageSource::Kind::Image, 0, name.text};
}

std::vector<std::string> target_names(const Dockerfile& file) {
  std::vector<std::string> names;
  for (const Stage& stage : file.stages)
    if (!stage.name.empty()) names.push_back(stage.name);
  return names;
}

std::optional<StageGraph> make_graph(const Dockerfile& file, const GraphRequest& request, text::Diagnostics& found) {
  if (file.stages.empty()) return std::nullopt;
  const std::size_t before = found.has_errors();
  StageGraph graph;
  graph.target = file.stages.size() - 1;
  if (!request.target.empty()) {
    const auto stage = stage_named(file, file.stages.size(), lower_name(request.target));
    if (!stage) {
      const auto near = text::nearest(lower_name(request.target), target_names(file));
      found.error({file.source, 1, 1, 1, 1}, "target stage \"" + request.target + "\" could not be found",
                  near ? "did you mean `" + *near + "`?" : "");
      return std::nullopt;
    }
    graph.target = *stage;
  }
  graph.contexts = request.contexts;
  graph.global_args = global_arguments(file, request, found);
  NodeMaker maker{file, graph, found};
  for (std::size_t i = 0; i < file.stages.size(); ++i) graph.nodes.push_back(maker.make(i));
  std::vector<bool> seen(file.stages.size(), false);
  if (request.all_stages)
    for (std::size_t i = 0; i < file.stages.size(); ++i) visit(graph, i, seen, graph.order);
  else
    visit(graph, graph.target, seen, graph.order);
  if (!before && found.has_errors()) return std::nullopt;
  return graph;
}

bool is_proxy_argument(std::string_view name) {
  const std::string lower = lower_name(std::string(name));
  static const std::vector<std::string> known{"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"};
  if (name != lower && std::any_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; })) return false;
  return std::find(known.begin(), known.end(), lower) != known.end();
}

bool is_builder_argument(std::string_view name) {
  static const std::vector<std::string> known{"BUILDKIT_SYNTAX",           "BUILDKIT_INLINE_CACHE",
                                              "BUILDKIT_CACHE_MOUNT_NS",   "BUILDKIT_MULTI_PLATFORM",
                                              "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
                                              "BUILDKIT_DOCKERFILE_CHECK", "SOURCE_DATE_EPOCH"};
  return std::find(known.begin(), known.end(), name) != known.end();
}

}  // namespace berth::dockerfile
