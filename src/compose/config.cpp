#include "berth/compose/config.hpp"
#include "berth/model/names.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "berth/model/json.hpp"
#include "berth/text/diagnostic.hpp"
#include "structures.hpp"

namespace berth::compose {

namespace {

// A `$` that is printed would be read as a variable when the output is loaded again.
void double_dollars(Node& node) {
  if (node.is_string())
    for (std::size_t at = node.text.find('$'); at != std::string::npos; at = node.text.find('$', at + 2))
      node.text.insert(at, 1, '$');
  for (auto& item : node.items) double_dollars(item);
  for (auto& [key, value] : node.fields) {
    Node name = Node::of(key);
    if (key.find('$') != std::string::npos) double_dollars(name), key = name.text;
    double_dollars(value);
  }
}

// Compat: the JSON of docker compose has extensions at the top level only, its YAML has them wherever they stand.
void drop_extensions(Node& node, const Layout& layout) {
  for (std::size_t i = node.fields.size(); i-- > 0;) {
    const std::string key = node.fields[i].first;
    if (layout.is_structure() && key.starts_with("x-"))
      node.erase(key);
    else
      drop_extensions(node.fields[i].second, layout.below(key));
  }
  for (auto& item : node.items) drop_extensions(item, layout.below({}));
}

// Compat: what a Go structure without `omitempty` prints though the file does not have it.
void add_empty_fields(Node& service) {
  for (const char* key : {"command", "entrypoint"})
    if (!service.find(key)) service.set(key, Node::null());
  if (Node* deploy = service.find("deploy"); deploy && deploy->is_map())
    for (const char* key : {"placement", "resources"})
      if (!deploy->find(key)) deploy->set(key, Node::map());
  Node* develop = service.find("develop");
  Node* watch = develop ? develop->find("watch") : nullptr;
  if (!watch) return;
  for (auto& rule : watch->items) {
    if (!rule.find("exec")) rule.set("exec", Node::map());
    if (Node* exec = rule.find("exec"); !exec->find("command")) exec->set("command", Node::null());
  }
}

void drop_where_true(Node* map, const char* key) {
  const Node* value = map ? map->find(key) : nullptr;
  if (value && value->is(NodeKind::Bool) && value->boolean) map->erase(key);
}

void print_service_as_model(Node& service) {
  if (Node* mounts = service.find("volumes"))
    for (auto& mount : mounts->items) drop_where_true(mount.find("bind"), "create_host_path");
  if (Node* files = service.find("env_file"))
    for (auto& file : files->items) drop_where_true(&file, "required");
  if (Node* hosts = service.find("extra_hosts"))
    std::sort(hosts->items.begin(), hosts->items.end(), [](const Node& a, const Node& b) { return a.text < b.text; });
  for (const char* key : {"command", "entrypoint"})
    if (const Node* value = service.find(key); value && value->is_null()) service.erase(key);
}

// Compat: these fields have no name of their own in docker compose's JSON, so Go writes them with a capital letter.
void capitalize_fields(Node& blkio) {
  for (auto& [list, devices] : blkio.fields)
    for (auto& device : devices.items)
      for (auto& [key, value] : device.fields)
        if (!key.starts_with("x-")) key[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(key[0])));
}

void print_as_json_model(Node& tree) {
  if (Node* services = tree.find("services"))
    for (auto& [name, service] : services->fields) add_empty_fields(service);
  if (Node* networks = tree.find("networks"))
    for (auto& [name, network] : networks->fields)
      if (!network.find("ipam")) network.set("ipam", Node::map());
  for (auto& [key, value] : tree.fields) drop_extensions(value, Layout::file().below(key));
  if (Node* services = tree.find("services"))
    for (auto& [name, service] : services->fields)
      if (Node* blkio = service.find("blkio_config")) capitalize_fields(*blkio);
  tree.erase("models");  // Compat: docker compose prints them as YAML only
}

// The tree in the shape in which docker compose prints it. Without interpolation it is not a model yet: no field is
// added or left out.
Node printed(const ConfigOptions& options, const Loaded& loaded) {
  Node tree = loaded.tree;
  if (options.load.no_interpolate) return tree;
  if (Node* services = tree.find("services"))
    for (auto& [name, service] : services->fields) print_service_as_model(service);
  if (options.format == "json") print_as_json_model(tree);
  double_dollars(tree);
  return tree;
}

// Compat: the hash that docker compose gives a service, over the same bytes.
std::string service_hash(const Node& tree, const std::string& name) {
  Node service = *tree.find("services")->find(name);
  print_service_as_model(service);
  add_empty_fields(service);
  drop_extensions(service, Layout::file().below("services").below(name));
  for (const char* key : {"build", "pull_policy", "pull_refresh_after", "scale", "depends_on", "profiles"})
    service.erase(key);
  if (Node* deploy = service.find("deploy")) deploy->erase("replicas");
  return model::text_hash(print_service_json(service));
}

std::string lines(const std::set<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += name + "\n";
  return out;
}

template <class Map>
std::set<std::string> keys_of(const Map& map) {
  std::set<std::string> keys;
  for (const auto& [key, value] : map) keys.insert(key);
  return keys;
}

std::string list_hashes(const ConfigOptions& options, const Loaded& loaded, ConfigOutput& output) {
  std::string out;
  for (const auto& [name, service] : loaded.project.services) {
    const std::string wanted = "," + options.hash_of + ",";
    if (options.hash_of == "*" || wanted.find("," + name + ",") != std::string::npos)
      out += name + " " + service_hash(loaded.tree, name) + "\n";
  }
  std::string names = options.hash_of + ",";
  for (std::size_t comma = names.find(','); options.hash_of != "*" && comma != std::string::npos;
       comma = names.find(',')) {
    const std::string name = names.substr(0, comma);
    names.erase(0, comma + 1);
    if (loaded.project.services.count(name)) continue;
    output.err += "error: no such service: `" + name + "`\n";
    output.exit_code = 1;
  }
  return output.exit_code ? "" : out;
}

std::string list_images(const Loaded& loaded) {
  std::set<std::string> images;
  for (const auto& [name, service] : loaded.project.services) images.insert(model::image_name(loaded.project, service));
  return lines(images);
}

std::string list_variables(const Loaded& loaded) {
  std::size_t width = 4;
  for (const auto& use : loaded.variables) width = std::max(width, use.name.size());
  const auto column = [](std::string text, std::size_t size) {
    return text.append(size > text.size() ? size - text.size() : 0, ' ');
  };
  std::string out =
      column("NAME", width + 12) + column("REQUIRED", 20) + column("DEFAULT VALUE", 20) + "ALTERNATE VALUE\n";
  for (const auto& use : loaded.variables)
    out += column(use.name, width + 12) + column(use.required ? "true" : "false", 20) + column(use.default_value, 20) +
           use.alternate_value + "\n";
  return out;
}

std::string list_explained(const ConfigOptions& options, const Loaded& loaded, ConfigOutput& output) {
  std::string out;
  for (const auto& one : loaded.explained)
    out += (out.empty() ? "" : "\n") + one.what + " = " + one.value + "\n" +
           text::render(one.way, {.color = options.color});
  if (!out.empty()) return out;
  output.exit_code = 1;
  output.err += "error: neither the model has a value `" + options.load.explain +
                "`, nor do the files use such a variable\n" +
                "hint: values are named as services.web.environment.DEBUG; `berth config` shows all of them\n";
  return {};
}

std::string listing(const ConfigOptions& options, const Loaded& loaded, ConfigOutput& output) {
  const model::Project& project = loaded.project;
  switch (options.listing) {
    case ConfigListing::Model: {
      const Node tree = printed(options, loaded);
      if (options.format == "json") return print_json(tree);
      return print_yaml(tree, options.load.no_interpolate ? FieldOrder::Sorted : FieldOrder::Compose);
    }
    case ConfigListing::Services: return lines(keys_of(project.services));
    case ConfigListing::Volumes: return lines(keys_of(project.volumes));
    case ConfigListing::Networks: return lines(keys_of(project.networks));
    case ConfigListing::Images: return list_images(loaded);
    case ConfigListing::Profiles: return lines({loaded.profiles.begin(), loaded.profiles.end()});
    case ConfigListing::Hash: return list_hashes(options, loaded, output);
    case ConfigListing::Environment: {
      std::string out;
      for (const auto& [name, value] : loaded.environment) out += name + "=" + value + "\n";
      return out;
    }
    case ConfigListing::Variables: return list_variables(loaded);
    case ConfigListing::Explain: return list_explained(options, loaded, output);
    case ConfigListing::Models: {
      std::string out;
      if (const Node* models = loaded.tree.find("models"))
        for (const auto& [key, value] : models->fields)
          out += (value.find("model") ? value.find("model")->text : key) + "\n";
      return out;
    }
  }
  return {};
}

// False: it was told why not.
bool pin_images(const ConfigOptions& options, Loaded& loaded, ConfigOutput& output) {
  const auto pinned = options.pin_images(loaded.project, output.diagnostics);
  if (output.diagnostics.has_errors()) {
    output.exit_code = 1;
    return false;
  }
  Node services = Node::map();
  for (const auto& [service, image] : pinned) {
    loaded.tree.find("services")->find(service)->set("image", Node::of(image));
    Node only = Node::map();
    only.set("image", Node::of(image));
    services.set(service, std::move(only));
  }
  if (!options.lock_image_digests) return true;
  loaded.tree = Node::map();
  loaded.tree.set("services", std::move(services));
  return true;
}

}  // namespace

ConfigOutput run_config(const ConfigOptions& options, const Environment& environment, FileReader& files) {
  ConfigOutput output;
  if (options.format != "yaml" && options.format != "json")
    return {.out = {},
            .err = "error: unsupported format `" + options.format + "`: yaml or json\n",
            .diagnostics = {},
            .exit_code = 1};
  if (options.pin_images && options.load.no_interpolate)
    return {.out = {},
            .err =
                "error: image digests cannot be looked up together with `--no-interpolate`: the names of images are "
                "not known before\n",
            .diagnostics = {},
            .exit_code = 1};
  LoadOptions wanted = options.load;
  const auto compatible = environment.variables.find("COMPOSE_COMPATIBILITY");
  // Compat: the compatibility mode shows the files without what they imply.
  if (wanted.compatibility || (compatible != environment.variables.end() && compatible->second == "1"))
    wanted.no_normalize = true;
  LoadOutcome outcome = load(wanted, environment, files);
  output.diagnostics = std::move(outcome.diagnostics);
  output.exit_code = outcome.exit_code;
  if (!outcome.loaded) return output;
  if (options.pin_images && options.listing == ConfigListing::Model && !pin_images(options, *outcome.loaded, output))
    return output;
  std::string out = listing(options, *outcome.loaded, output);
  if (!options.quiet) output.out = std::move(out);
  return output;
}

namespace {

struct FlagSpec {
  std::string_view name;
  void (*apply)(ConfigOptions& options, const std::string& value);
  bool takes_value = true;
};

const FlagSpec kGlobalFlags[] = {
    {"-f", [](ConfigOptions& o, const std::string& v) { o.load.files.push_back(v); }},
    {"--file", [](ConfigOptions& o, const std::string& v) { o.load.files.push_back(v); }},
    {"-p", [](ConfigOptions& o, const std::string& v) { o.load.project_name = v; }},
    {"--project-name", [](ConfigOptions& o, const std::string& v) { o.load.project_name = v; }},
    {"--profile", [](ConfigOptions& o, const std::string& v) { o.load.profiles.push_back(v); }},
    {"--env-file", [](ConfigOptions& o, const std::string& v) { o.load.env_files.push_back(v); }},
    {"--project-directory", [](ConfigOptions& o, const std::string& v) { o.load.project_directory = v; }},
    {"--all-resources", [](ConfigOptions& o, const std::string&) { o.load.all_resources = true; }, false},
    {"--compatibility", [](ConfigOptions& o, const std::string&) { o.load.compatibility = true; }, false},
};

const FlagSpec kConfigFlags[] = {
    {"--format", [](ConfigOptions& o, const std::string& v) { o.format = v; }},
    {"--hash", [](ConfigOptions& o, const std::string& v) { o.listing = ConfigListing::Hash, o.hash_of = v; }},
    {"-q", [](ConfigOptions& o, const std::string&) { o.quiet = true; }, false},
    {"--quiet", [](ConfigOptions& o, const std::string&) { o.quiet = true; }, false},
    {"--services", [](ConfigOptions& o, const std::string&) { o.listing = ConfigListing::Services; }, false},
    {"--volumes", [](ConfigOptions& o, const std::string&) { o.listing = ConfigListing::Volumes; }, false},
    {"--networks", [](ConfigOptions& o, const std::string&) { o.listing = ConfigListing::Networks; }, false},
    {"--images", [](ConfigOptions& o, const std::string&) { o.listing = ConfigListing::Images; }, false},
    {"--profiles",
     [](ConfigOptions& o, const std::string&) { o.listing = ConfigListing::Profiles, o.load.profiles = {"*"}; }, false},
    {"--environment", [](ConfigOptions& o, const std::string&) { o.listing = ConfigListing::Environment; }, false},
    {"--variables", [](ConfigOptions& o, const std::string&) { o.listing = ConfigListing::Variables; }, false},
    {"--models", [](ConfigOptions& o, const std::string&) { o.listing = ConfigListing::Models; }, false},
    {"--explain",
     [](ConfigOptions& o, const std::string& v) { o.listing = ConfigListing::Explain, o.load.explain = v; }},
    {"--no-interpolate", [](ConfigOptions& o, const std::string&) { o.load.no_interpolate = true; }, false},
    {"--no-normalize", [](ConfigOptions& o, const std::string&) { o.load.no_normalize = true; }, false},
    {"--no-path-resolution", [](ConfigOptions& o, const std::string&) { o.load.no_path_resolution = true; }, false},
    {"--no-consistency", [](ConfigOptions& o, const std::string&) { o.load.no_consistency = true; }, false},
    {"--no-env-resolution", [](ConfigOptions& o, const std::string&) { o.load.no_env_resolution = true; }, false},
};

}  // namespace

ConfigOutput run_config_command(const std::vector<std::string>& arguments, const std::string& working_dir,
                                const Environment& environment, FileReader& files, const std::string& stdin_text) {
  ConfigOptions options;
  options.load.working_dir = working_dir;
  options.load.stdin_text = stdin_text;
  bool after_verb = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i], value;
    if (!name.starts_with('-')) {
      if (after_verb)
        options.load.services.push_back(name);
      else if (name != "config")
        return {.out = {}, .err = "error: unknown command `" + name + "`\n", .diagnostics = {}, .exit_code = 1};
      after_verb = true;
      continue;
    }
    const std::size_t equals = name.find('=');
    if (equals != std::string::npos) value = name.substr(equals + 1), name.resize(equals);
    const FlagSpec* begin = after_verb ? std::begin(kConfigFlags) : std::begin(kGlobalFlags);
    const FlagSpec* end = after_verb ? std::end(kConfigFlags) : std::end(kGlobalFlags);
    const FlagSpec* flag = std::find_if(begin, end, [&](const FlagSpec& spec) { return spec.name == name; });
    if (flag == end)
      return {.out = {}, .err = "error: unknown flag: " + name + "\n", .diagnostics = {}, .exit_code = 16};
    if (flag->takes_value && equals == std::string::npos) {
      if (++i == arguments.size())
        return {.out = {}, .err = "error: flag " + name + " needs a value\n", .diagnostics = {}, .exit_code = 16};
      value = arguments[i];
    }
    flag->apply(options, value);
  }
  ConfigOutput output = run_config(options, environment, files);
  std::string said;
  for (const auto& diagnostic : output.diagnostics.all()) said += text::render(diagnostic);
  output.err.insert(0, said);
  return output;
}

}  // namespace berth::compose
