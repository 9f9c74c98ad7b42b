// The structural check and the canonical forms, both by the table of structures: one walk over a document.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <set>

#include "berth/text/duration.hpp"
#include "berth/text/suggest.hpp"
#include "passes.hpp"
#include "scalar_forms.hpp"
#include "structures.hpp"

namespace berth::compose {

const std::vector<std::string>& known_keys(const std::string& structure) {
  static std::map<std::string, std::vector<std::string>> cache;
  auto& keys = cache[structure];
  if (keys.empty())
    if (const auto* fields = find_structure(structure))
      for (const auto& field : *fields) keys.push_back(field.name);
  return keys;
}

namespace {

constexpr std::size_t kMaxPorts = 20'000;

class Canonicalizer : ScalarForms {
 public:
  explicit Canonicalizer(LoadState& state) : ScalarForms(state) {}

  void structure(Node& node, const std::string& name, const std::string& path) {
    const auto* fields = find_structure(name);
    for (std::size_t i = 0; i < node.fields.size(); ++i) {
      auto& [key, value] = node.fields[i];
      const Field* field = find_field(*fields, key);
      if (!field) {
        if (!key.starts_with("x-")) unknown_key(node, i, name, path);
        continue;
      }
      if (value.is_null() && path.empty() && key == "services")
        state_.error(node.key_places[i], Code::EmptyValue, "`services` must be a map, not nothing",
                     "remove the line, or fill it in");
      if (value.tag != NodeTag::Reset && !value.is_null())  // without a value: check_structure, once all are merged
        field_value(value, *field, name, path.empty() ? key : path + "." + key);
    }
    preset_structure(state_, node, name, path);
  }

 private:
  void unknown_key(const Node& node, std::size_t index, const std::string& structure_name, const std::string& path) {
    const auto& [key, value] = node.fields[index];
    const std::string hint = hint_for_key(key, value, structure_name, path);
    std::string where = path.empty() ? "" : " in `" + path + "`";
    if (structure_name == "service") where = " in service `" + path.substr(path.find('.') + 1) + "`";
    state_.unclear.insert(path);
    state_.error(node.key_places[index], Code::UnknownKey, "unknown key `" + key + "`" + where, hint);
  }

  void field_value(Node& value, const Field& field, const std::string& owner, const std::string& path) {
    if (state_.is_unfilled(value) && is_single(field.shape)) return;
    if (!state_.options.no_interpolate || !keeps_written_form(field)) return canonical_value(value, field, owner, path);
    const Node written = value;
    canonical_value(value, field, owner, path);
    state_.written.note(written, value, field.shape);
  }

  void canonical_value(Node& value, const Field& field, const std::string& owner, const std::string& path) {
    switch (field.shape) {
      case Shape::Text: return text_value(value, path);
      case Shape::Flag:
      case Shape::FlagOrNone: return flag(value, path);
      case Shape::StrictFlag:
      case Shape::StrictOrNone:
        if (!value.is(NodeKind::Bool)) wrong(value, path, wanted(field.shape));
        return;
      case Shape::Integer:
      case Shape::IntegerOrNone: return integer(value, path);
      case Shape::WholeNumber:
        if (value.is_string()) return wrong(value, path, wanted(field.shape), "write it without quotes");
        [[fallthrough]];
      case Shape::WholePart:
        if (value.is(NodeKind::Float)) value.real = std::trunc(value.real);
        return integer(value, path);
      case Shape::Number: return number(value, path);
      case Shape::Bytes: return bytes(value, path);
      case Shape::WholeBytes:
        if (value.is(NodeKind::Float)) return wrong(value, path, wanted(field.shape));
        return bytes(value, path);
      case Shape::BytesText:
        if (!value.is_string())
          return wrong(value, path, wanted(field.shape), "write it in quotes: \"" + value.text + "\"");
        return bytes(value, path);
      case Shape::Duration:
      case Shape::Pause: return duration(value, path);
      case Shape::Texts:
      case Shape::TextOrTexts:
      case Shape::Scalars: return texts(value, field.shape, path);
      case Shape::Pairs:
      case Shape::PairsOrNone:
      case Shape::NamedTexts:
      case Shape::TextMap:
      case Shape::OptionMap:
      case Shape::LooseOptions: return pairs(value, field, path);
      case Shape::Hosts: return hosts(value, path);
      case Shape::Command: return command(value, path);
      case Shape::IntegerText:
        if (!value.is_string() && !value.is(NodeKind::Int)) return wrong(value, path, wanted(field.shape));
        return replace(value, Node::of(value.scalar_text()));
      case Shape::FlagText:
        if (!value.is_string() && !value.is(NodeKind::Bool)) return wrong(value, path, wanted(field.shape));
        return replace(value, Node::of(value.scalar_text()));
      case Shape::FileMode: return file_mode(value, path);
      case Shape::Anything: return special(value, owner, field.name, path);
      case Shape::Struct: return nested(value, field.structure, path);
      case Shape::StructList: return struct_list(value, field, path);
      case Shape::StructMap: return struct_map(value, field, owner, path);
    }
  }

  static std::string as_list(const Node& value) {
    if (value.plain && value.text.size() > 1 && value.text[0] == '-' && value.text[1] != ' ')
      return "a space follows each `-`: - " + value.text.substr(1, value.text.find(' ') - 1);
    return value.is_string() || value.is(NodeKind::Int) || value.is(NodeKind::Float)
               ? "write it as a list: [\"" + value.text + "\"]"
               : "";
  }

  // One entry of a list of `NAME=value` that is written as one of a map.
  static std::string as_pair(const Node& item) {
    if (!item.is_map() || item.fields.size() != 1 || !item.fields[0].second.is_scalar()) return {};
    return "in a list write - " + item.fields[0].first + "=" + item.fields[0].second.scalar_text() +
           ", or leave out each `-`";
  }

  void texts(Node& value, Shape shape, const std::string& path) {
    const bool ssh = path.ends_with(".build.ssh");
    if (ssh && value.is_list())
      for (const auto& item : value.items)
        if (item.is_string() && item.text != "default" && item.text.find('=') == std::string::npos)
          state_.error(item.place, Code::MissingValue, "`" + path + "`: `" + item.text + "` names no key",
                       item.text + "=PATH, or default");
    if (ssh && value.is_string())
      return wrong(value, path, "a list or a map", "write it as a list: [\"" + value.text + "\"]");
    if (shape == Shape::TextOrTexts && (value.is_string() || (value.is_map() && ssh))) {
      Node list = Node::list();
      if (value.is_string()) list.items.push_back(Node::of(value.text));
      for (const auto& [key, item] : value.fields)
        list.items.push_back(Node::of(item.is_null() ? key : key + "=" + item.scalar_text()));
      return replace(value, std::move(list));
    }
    if (!value.is_list()) return wrong(value, path, "a list of strings", as_list(value));
    for (auto& item : value.items) {
      if (item.tag == NodeTag::Reset) continue;
      if (shape == Shape::Scalars && item.is(NodeKind::Int))
        replace(item, Node::of(item.scalar_text()));
      else if (!item.is_string())
        text_value(item, path);
    }
  }

  void pairs(Node& value, const Field& field, const std::string& path) {
    const Shape shape = field.shape;
    const bool keeps_null = shape == Shape::PairsOrNone;
    const bool or_list = keeps_null || shape == Shape::Pairs || shape == Shape::NamedTexts;
    if (value.is_list() && or_list) return pairs_of_list(value, field, path);
    if (!value.is_map())
      return wrong(value, path, wanted(shape),
                   value.is_string() && or_list && value.text.find('=') != std::string::npos
                       ? "write it as a list: [\"" + value.text + "\"]"
                       : "");
    for (std::size_t i = 0; i < value.fields.size(); ++i) {
      auto& [key, item] = value.fields[i];
      if (key.empty())
        state_.error(value.key_places[i], Code::BadName, "`" + path + "` has a key without a name",
                     "write the name before the `:`");
      if (item.tag == NodeTag::Reset || (item.is_null() && keeps_null)) continue;
      pair_value(item, shape, path + "." + key);
    }
  }

  void pairs_of_list(Node& value, const Field& field, const std::string& path) {
    Node map = Node::map();
    map.place = value.place;
    map.tag = value.tag;
    std::set<std::string> seen;
    for (auto& item : value.items) {
      if (item.is_map()) {
        wrong(item, path, "a list of `NAME=value`", as_pair(item));
        continue;
      }
      if (!item.is_string()) {
        text_value(item, path);
        continue;
      }
      const std::size_t equals = item.text.find('=');
      const std::string name = item.text.substr(0, equals);
      if (field.shape == Shape::PairsOrNone && !name.empty() && std::isspace(static_cast<unsigned char>(name.back())))
        state_.error(item.place, Code::BadName, "`" + path + "`: a blank stands behind the name `" + name + "`",
                     "NAME=value, without blanks around the `=`");
      if (field.unique && !seen.insert(item.text).second)
        state_.error(item.place, Code::ListedTwice, "`" + item.text + "` is listed twice in `" + path + "`",
                     "remove one of the two");
      if (equals == std::string::npos && field.shape == Shape::NamedTexts)
        state_.error(item.place, Code::MissingValue, "`" + path + "`: `" + item.text + "` has no value", "NAME=value");
      Node entry = equals != std::string::npos         ? Node::of(item.text.substr(equals + 1))
                   : field.shape == Shape::PairsOrNone ? Node::null()
                                                       : Node::of("");
      entry.place = item.place;
      map.set(item.text.substr(0, equals), std::move(entry), item.place);
    }
    value = std::move(map);
  }

  void pair_value(Node& item, Shape shape, const std::string& path) {
    const bool number = item.is(NodeKind::Int) || item.is(NodeKind::Float);
    if (shape == Shape::TextMap || shape == Shape::NamedTexts) return text_value(item, path);
    if (!item.is_scalar() || (item.is_null() && shape == Shape::OptionMap) ||
        (item.is(NodeKind::Bool) && (shape == Shape::OptionMap || shape == Shape::LooseOptions)))
      return wrong(
          item, path,
          shape == Shape::Pairs || shape == Shape::PairsOrNone ? "a string, number or boolean" : "a string or number");
    if (number && !std::isfinite(item.real))
      return state_.error(item.place, Code::BadNumber, "`" + path + "` must be a finite number", "write it in quotes");
    if (!item.is_string()) replace(item, Node::of(item.scalar_text()));
  }

  void hosts(Node& value, const std::string& path) {
    Node list = Node::list();
    const auto add = [&](const std::string& host, std::string address, const Place& place) {
      if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
      Node entry = Node::of(host + "=" + address);
      entry.place = place;
      list.items.push_back(std::move(entry));
    };
    if (!value.is_list() && !value.is_map()) return wrong(value, path, "a map or a list of `HOST=IP`");
    for (const auto& item : value.items) {
      std::size_t split = item.text.find('=');
      if (split == std::string::npos) split = item.text.find(':');
      if (state_.is_unfilled(item) && split == std::string::npos)
        list.items.push_back(item);
      else if (!item.is_string() || split == std::string::npos)
        state_.error(item.place, Code::BadHost, "`" + path + "`: `" + item.scalar_text() + "` is not `HOST=IP`",
                     "for example db.local=192.0.2.7");
      else
        add(item.text.substr(0, split), item.text.substr(split + 1), item.place);
    }
    for (const auto& [host, addresses] : value.fields) {
      if (addresses.is_string())
        add(host, addresses.text, addresses.place);
      else if (!addresses.is_list())
        wrong(addresses, path + "." + host, "an address or a list of them");
      for (const auto& address : addresses.items) add(host, address.scalar_text(), address.place);
    }
    list.place = value.place;
    list.tag = value.tag;
    value = std::move(list);
  }

  void command(Node& value, const std::string& path) {
    if (value.is_null()) return;
    if (value.is_list()) {
      for (auto& item : value.items) text_value(item, path);
      return;
    }
    if (!value.is_string()) return wrong(value, path, "a string or a list of strings");
    const auto words = split_words(value.text);
    if (!words)
      return state_.error(value.place, Code::UnclosedQuote, "`" + path + "`: a quote is not closed",
                          "end it, or write a list of words");
    Node list = Node::list();
    for (const auto& word : *words) list.items.push_back(Node::of(word));
    replace(value, std::move(list));
  }

  void special(Node& value, const std::string& owner, const std::string& name, const std::string& path) {
    if (name == "external") {
      if (value.is_map()) {  // the form of old, {name}; preset_structure unfolds it
        for (std::size_t i = 0; i < value.fields.size(); ++i)
          if (value.fields[i].first != "name" && !value.fields[i].first.starts_with("x-"))
            state_.error(value.key_places[i], Code::UnknownKey,
                         "unknown key `" + value.fields[i].first + "` in `" + path + "`");
        return;
      }
      return flag(value, path);
    }
    if (owner == "healthcheck" && name == "test") {
      if (value.is_string()) {
        Node list = Node::list();
        list.items = {Node::of("CMD-SHELL"), Node::of(value.text)};
        return replace(value, std::move(list));
      }
      if (!value.is_list()) return wrong(value, path, "a string or a list");
      for (auto& item : value.items) text_value(item, path);
    }
    if (owner == "provider" && name == "options") return provider_options(value, path);
    if (owner == "gpu" && name == "count") {
      if (value.is_string() && value.text == "all") return replace(value, Node::of(std::int64_t{-1}));
      return integer(value, path);
    }
  }

  // Each has one value or several.
  void provider_options(Node& value, const std::string& path) {
    if (!value.is_map()) return wrong(value, path, "a map");
    for (auto& [key, option] : value.fields) {
      Node list = Node::list();
      for (const auto& item : option.items) list.items.push_back(Node::of(item.scalar_text()));
      if (option.is_map()) {
        wrong(option, path + "." + key, "a value or a list of them");
      } else {
        if (option.is_scalar()) list.items.push_back(Node::of(option.scalar_text()));
        replace(option, std::move(list));
      }
    }
  }

  void nested(Node& value, const std::string& name, const std::string& path) {
    if (value.is_string() && name == "build") {
      Node build = Node::map();
      build.set("context", Node::of(value.text));
      replace(value, std::move(build));
    } else if (value.is_string() && name == "extends") {
      Node extends = Node::map();
      extends.set("service", Node::of(value.text));
      replace(value, std::move(extends));
    }
    if (!value.is_map()) return wrong(value, path, "a map");
    structure(value, name, path);
  }

  // Short elements, by structure.
  Expanded expand_short(const Node& item, const std::string& name) {
    const std::string text = item.scalar_text();
    if (name == "port" && !item.is(NodeKind::Bool))
      return expand_port(item.is(NodeKind::Float) ? item.text : text, kMaxPorts - state_.ports);
    if (!item.is_string()) return {.nodes = {}, .error = "must be a string or a map", .code = Code::WrongType};
    if (name == "mount") return expand_volume(text);
    if (name == "device") return expand_device(text);
    Node node = Node::map();
    if (name == "grant")
      node.set("source", Node::of(text));
    else if (name == "env_file")
      node.set("path", Node::of(text));
    else
      return {.nodes = {}, .error = "must be a map", .code = Code::WrongType};
    Expanded result;
    result.nodes.push_back(std::move(node));
    return result;
  }

  void struct_list(Node& value, const Field& field, const std::string& path) {
    if (field.structure == "gpu" && value.is_string() && value.text == "all") {
      Node list = Node::list(), gpu = Node::map();
      gpu.set("count", Node::of(std::int64_t{-1}));
      list.items.push_back(std::move(gpu));
      replace(value, std::move(list));
    }
    if (field.structure == "env_file" && value.is_string()) {
      Node list = Node::list();
      list.items.push_back(Node::of(value.text));
      replace(value, std::move(list));
    }
    if (!value.is_list()) return wrong(value, path, "a list", as_list(value));
    // Compat: a list with an element that cannot be read yet stays as it is written.
    if (std::any_of(value.items.begin(), value.items.end(), [&](const Node& item) {
          return state_.is_unfilled(item) && !expand_short(item, field.structure).error.empty();
        }))
      return;
    std::vector<Node> items;
    for (auto& item : value.items) {
      if (item.is_map()) {
        structure(item, field.structure, path + "." + std::to_string(items.size()));
        items.push_back(std::move(item));
        continue;
      }
      if (item.tag == NodeTag::Reset) continue;
      if (field.structure == "port" && state_.ports > kMaxPorts) continue;  // said already
      Expanded expanded = expand_short(item, field.structure);
      if (field.structure == "port") state_.ports += expanded.nodes.size();
      if (expanded.code == Code::LimitExceeded || state_.ports > kMaxPorts) {
        state_.ports = kMaxPorts + 1;
        state_.error(item.place, Code::LimitExceeded,
                     "more than " + std::to_string(kMaxPorts) + " ports are published");
        continue;
      }
      if (!expanded.error.empty())
        state_.error(item.place, expanded.code, "`" + path + "`: " + expanded.error,
                     item.text.find("\xe2\x80\x9c") != std::string::npos ? "write straight quotes: \"…\""
                     : expanded.code == Code::BadPort   ? "[IP:][HOST:]CONTAINER[/PROTOCOL], as \"8080:80\""
                     : expanded.code == Code::BadVolume ? "SOURCE:TARGET[:OPTIONS], as \"./data:/data:ro\""
                                                        : "");
      for (auto& node : expanded.nodes) {
        set_places(node, item.place);
        structure(node, field.structure, path);
        items.push_back(std::move(node));
      }
    }
    value.items = std::move(items);
  }

  void struct_map(Node& value, const Field& field, const std::string& owner, const std::string& path) {
    if (value.is_list() && field.structure != "ulimit" && owner == "service") {  // depends_on, networks, models
      Node map = Node::map();
      map.place = value.place;
      map.tag = value.tag;
      for (auto& item : value.items) {
        if (!item.is_string())
          text_value(item, path);
        else if (map.find(item.text))
          state_.error(item.place, Code::ListedTwice, "`" + item.text + "` is listed twice in `" + path + "`",
                       "remove one of the two");
        else
          map.set(item.text, short_entry(field.structure), item.place);
        if (Node* entry = map.find(item.text)) set_places(*entry, item.place);
      }
      value = std::move(map);
    }
    if (!value.is_map()) return wrong(value, path, "a map", as_map(value, owner));
    for (std::size_t i = 0; i < value.fields.size(); ++i) {
      auto& [key, item] = value.fields[i];
      const std::string item_path = path + "." + key;
      if (key.starts_with("x-") && owner != "file") continue;
      if (owner == "file") check_name(key, value.key_places[i], path);
      if (item.tag == NodeTag::Reset) continue;
      if (field.structure == "ulimit" && item.is_scalar() && !item.is_null())
        integer(item, item_path);
      else if (item.is_map())
        structure(item, field.structure, item_path);
      else if (!item.is_null())
        state_.unclear.insert(path), wrong(item, item_path, "a map", misplaced_hint(key, field.structure));
      else if (field.structure == "dependency")
        item = Node::map(), structure(item, field.structure, item_path);
    }
  }

  // How a list, or a word, would be written as a map of things that have names.
  static std::string as_map(const Node& value, const std::string& owner) {
    if (value.is_string() && owner == "service") return "write it as a list: [\"" + value.text + "\"]";
    if (value.items.empty()) return {};
    const Node& first = value.items[0];
    const std::string name = first.is_string() ? first.text : first.fields.empty() ? "" : first.fields[0].first;
    return name.empty() ? "" : "names are keys here: write `" + name + ":`, without `-`";
  }

  // A key of the item where the item's name is expected: it is not indented enough.
  static std::string misplaced_hint(const std::string& key, const std::string& structure) {
    if (!find_field(*find_structure(structure), key)) return {};
    return "`" + key + "` is a key of a " + structure + ": indent it more";
  }

  static Node short_entry(const std::string& structure) {
    Node entry = Node::null();
    if (structure == "dependency")
      entry.set("condition", Node::of("service_started")), entry.set("required", Node::of(true));
    return entry;
  }

  static std::string as_name(std::string key) {
    for (char& c : key)
      if (c == ' ' || c == '/' || c == ':') c = '-';
    const bool good = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '.' || c == '_' || c == '-';
    });
    return good ? "for example `" + key + "`" : "";
  }

  void check_name(const std::string& key, const Place& place, const std::string& path) {
    const bool good = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '.' || c == '_' || c == '-';
    });
    if (!good)
      state_.error(place, Code::BadName, "`" + key + "` is no name for `" + path + "`: letters, digits and `._-` only",
                   as_name(key));
  }
};

}  // namespace

void canonicalize(LoadState& state, Node& document) { Canonicalizer(state).structure(document, "file", ""); }

}  // namespace berth::compose
