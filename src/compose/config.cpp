#include "berth/compose/config.hpp"

#include <algorithm>
#include <set>

#include "berth/model/json.hpp"
#include "berth/text/diagnostic.hpp"

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

// Extensions print at the top level only; the reference's JSON has none further down.
void drop_extensions(Node& node) {
  for (std::size_t i = node.fields.size(); i-- > 0;) {
    if (node.fields[i].first.starts_with("x-")) {
      const std::string key = node.fields[i].first;
      node.erase(key);
    } else {
      drop_extensions(node.fields[i].second);
    }
  }
}

// The tree in the shape in which the reference prints it.
Node printed(const ConfigOptions& options, const Loaded& loaded) {
  Node tree = loaded.tree;
  if (Node* services = tree.find("services"))
    for (auto& [name, service] : services->fields) {
      for (const char* key : {"command", "entrypoint"})
        if (!service.find(key)) service.set(key, Node::null());
      if (Node* deploy = service.find("deploy"); deploy && deploy->is_map())
        for (const char* key : {"placement", "resources"})
          if (!deploy->find(key)) deploy->set(key, Node::map());
      if (Node* develop = service.find("develop"))
        if (Node* watch = develop->find("watch"))
          for (auto& rule : watch->items) {
            if (!rule.find("exec")) rule.set("exec", Node::map());
            if (Node* exec = rule.find("exec"); !exec->find("command")) exec->set("command", Node::null());
          }
      if (options.format == "json")
        for (std::size_t i = service.fields.size(); i-- > 0;) {
          const std::string key = service.fields[i].first;
          if (key.starts_with("x-"))
            service.erase(key);
          else if (key == "networks")
            drop_extensions(service.fields[i].second);
        }
      if (Node* hosts = service.find("extra_hosts"))
        std::sort(hosts->items.begin(), hosts->items.end(),
                  [](const Node& a, const Node& b) { return a.text < b.text; });
    }
  if (options.format == "json")
    if (Node* networks = tree.find("networks"))
      for (auto& [name, network] : networks->fields) drop_extensions(network);
  if (!options.load.no_interpolate) double_dollars(tree);
  return tree;
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
      out += name + " " + model::config_hash(service) + "\n";
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
  for (const auto& [name, service] : loaded.project.services)
    images.insert(service.image.empty() ? loaded.project.name.value + "-" + name : service.image);
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

std::string listing(const ConfigOptions& options, const Loaded& loaded, ConfigOutput& output) {
  const model::Project& project = loaded.project;
  switch (options.listing) {
    case ConfigListing::Model: {
      const Node tree = printed(options, loaded);
      return options.format == "json" ? print_json(tree) : print_yaml(tree);
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

}  // namespace

ConfigOutput run_config(const ConfigOptions& options, const Environment& environment, FileReader& files) {
  ConfigOutput output;
  if (options.format != "yaml" && options.format != "json")
    return {.out = {}, .err = "error: unsupported format `" + options.format + "`: yaml or json\n", .exit_code = 1};
  if (options.resolve_image_digests || options.lock_image_digests)
    return {.out = {},
            .err = "error: image digests cannot be resolved: this version talks to no registry\n",
            .exit_code = 1};
  const LoadOutcome outcome = load(options.load, environment, files);
  for (const auto& diagnostic : outcome.diagnostics.all()) output.err += text::render(diagnostic);
  output.exit_code = outcome.exit_code;
  if (!outcome.loaded) return output;
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
    {"--no-interpolate", [](ConfigOptions& o, const std::string&) { o.load.no_interpolate = true; }, false},
    {"--no-normalize", [](ConfigOptions& o, const std::string&) { o.load.no_normalize = true; }, false},
    {"--no-path-resolution", [](ConfigOptions& o, const std::string&) { o.load.no_path_resolution = true; }, false},
    {"--no-consistency", [](ConfigOptions& o, const std::string&) { o.load.no_consistency = true; }, false},
    {"--no-env-resolution", [](ConfigOptions& o, const std::string&) { o.load.no_env_resolution = true; }, false},
    {"--resolve-image-digests", [](ConfigOptions& o, const std::string&) { o.resolve_image_digests = true; }, false},
    {"--lock-image-digests", [](ConfigOptions& o, const std::string&) { o.lock_image_digests = true; }, false},
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
        return {.out = {}, .err = "error: unknown command `" + name + "`\n", .exit_code = 1};
      after_verb = true;
      continue;
    }
    const std::size_t equals = name.find('=');
    if (equals != std::string::npos) value = name.substr(equals + 1), name.resize(equals);
    const FlagSpec* begin = after_verb ? std::begin(kConfigFlags) : std::begin(kGlobalFlags);
    const FlagSpec* end = after_verb ? std::end(kConfigFlags) : std::end(kGlobalFlags);
    const FlagSpec* flag = std::find_if(begin, end, [&](const FlagSpec& spec) { return spec.name == name; });
    if (flag == end) return {.out = {}, .err = "error: unknown flag: " + name + "\n", .exit_code = 16};
    if (flag->takes_value && equals == std::string::npos) {
      if (++i == arguments.size())
        return {.out = {}, .err = "error: flag " + name + " needs a value\n", .exit_code = 16};
      value = arguments[i];
    }
    flag->apply(options, value);
  }
  return run_config(options, environment, files);
}

}  // namespace berth::compose
