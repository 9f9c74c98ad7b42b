// `extends`: a service is merged over another of its own file, or of another.
#include <algorithm>

#include "berth/text/suggest.hpp"
#include "documents.hpp"

namespace berth::compose {

namespace {

std::vector<std::string> names_of(const Node& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map.fields) names.push_back(name);
  return names;
}

// The file of `scope`, before any `extends` of its own.
Node& extended_file(LoadState& state, const Scope& scope, const Place& from) {
  const auto [at, fresh] = scope.extended->emplace(scope.path, Node::map());
  if (!fresh) return at->second;
  Node whole = Node::map();
  for (auto& part : read_documents(state, scope.path, from)) {
    if (!state.options.no_interpolate) interpolate(state, part, scope.variables, scope.places);
    canonicalize(state, part);
    merge(state, whole, std::move(part));
  }
  return at->second = std::move(whole);
}

// A service that another file is to use.
Node alone(LoadState& state, const Scope& scope, const std::string& name, const Node& service) {
  if (service.tag == NodeTag::Reset) return {};
  Node document = Node::map();
  document.set("services", Node::map()).set(name, service);
  strip_tags(document);
  if (!state.options.no_path_resolution) resolve_paths(state, document, scope.directory);
  return std::move(*document.find("services")->find(name));
}

}  // namespace

void extend_service(LoadState& state, Node& document, const std::string& name, const Scope& scope,
                    std::vector<std::string> chain) {
  Node* services = document.find("services");
  Node* service = services ? services->find(name) : nullptr;
  const Node* found = service ? service->find("extends") : nullptr;
  if (!found || found->tag == NodeTag::Reset) return;
  const Node extends = *found;
  service->erase("extends");
  const auto wrong = [&](const Place& place, Code code, std::string message, std::string hint = {}) {
    state.unclear.insert("services." + name);
    state.error(place, code, std::move(message), std::move(hint));
  };
  const Node* base_name_node = extends.find("service");
  if (!base_name_node || !base_name_node->is_string())
    return wrong(head_of(extends), Code::ExtendsForm, "`extends` needs `service`", "service: NAME");
  const std::string base_service = base_name_node->text;
  const std::string here = name + " in " + scope.path;
  if (std::find(chain.begin(), chain.end(), here) != chain.end())
    return wrong(base_name_node->place, Code::ExtendsCycle,
                 "service `" + name + "` extends itself: " + chain.front() + " -> ... -> " + here);
  constexpr std::size_t kMostLinks = 500;
  if (chain.size() >= kMostLinks)
    return wrong(base_name_node->place, Code::LimitExceeded,
                 "more than " + std::to_string(kMostLinks) + " services extend each other in a row");
  chain.push_back(here);
  Node base;
  const Node* wanted = nullptr;
  std::vector<std::string> known;
  if (const Node* file = extends.find("file"); file && !file->is_null()) {
    const std::string path = absolute_path(file->text, scope.directory);
    if (std::find(chain.begin(), chain.end(), base_service + " in " + path) != chain.end())
      return wrong(
          base_name_node->place, Code::ExtendsCycle,
          "service `" + name + "` extends itself: " + chain.front() + " -> ... -> " + base_service + " in " + path);
    const Scope inner{.path = path,
                      .directory = parent_path(path),
                      .variables = scope.variables,
                      .places = scope.places,
                      .chain = {},
                      .extended = scope.extended};
    Node& other = extended_file(state, inner, file->place);
    extend_service(state, other, base_service, inner, chain);
    const Node* all = other.find("services");
    if (all) wanted = all->find(base_service);
    if (all && !wanted) known = names_of(*all);
    if (wanted && state.afford(base_name_node->place, count_nodes(*wanted), 0))
      base = alone(state, inner, base_service, *wanted);
  } else {
    if (base_service == name)
      return wrong(base_name_node->place, Code::ExtendsCycle, "service `" + name + "` extends itself");
    extend_service(state, document, base_service, scope, chain);
    if (std::find_if(chain.begin(), chain.end(),
                     [&](const auto& link) { return link == base_service + " in " + scope.path; }) != chain.end())
      return wrong(base_name_node->place, Code::ExtendsCycle,
                   "services `" + name + "` and `" + base_service + "` extend each other");
    wanted = document.find("services")->find(base_service);
    if (!wanted) known = names_of(*document.find("services"));
    if (wanted && state.afford(base_name_node->place, count_nodes(*wanted), 0)) base = *wanted;
  }
  if (!base.is_map() && state.incomplete) return;
  if (!base.is_map()) {
    const auto near = text::nearest(base_service, known);
    return wrong(base_name_node->place, Code::ExtendsMissing,
                 "service `" + name + "` extends `" + base_service + "`, which does not exist there",
                 near ? "did you mean `" + *near + "`?" : "");
  }
  state.derive(base, Origin::Kind::Extends, base_name_node->place,
               "service `" + name + "` extends `" + base_service + "` here");
  service = document.find("services")->find(name);
  Node holder = Node::map(), over = Node::map();
  holder.set("services", Node::map()).set(name, std::move(base));
  over.set("services", Node::map()).set(name, std::move(*service));
  merge(state, holder, std::move(over));
  *service = std::move(*holder.find("services")->find(name));
}

}  // namespace berth::compose
