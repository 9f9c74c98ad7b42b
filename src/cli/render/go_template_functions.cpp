#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <map>

#include "render/go_template_nodes.hpp"

namespace berth::cli {
namespace {

namespace bj = boost::json;
using Values = std::vector<bj::value>;

Error function_error(const std::string& what) { return Error::make(ErrorKind::Invalid, "invalid --format: " + what); }

std::string text_of(const bj::value& value) {
  const auto* text = value.if_string();
  return text ? std::string(*text) : template_text(value);
}

std::optional<std::int64_t> integer_of(const bj::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64()) return static_cast<std::int64_t>(value.get_uint64());
  return std::nullopt;
}

std::string mapped(std::string text, int (*change)(int)) {
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return text;
}

std::string titled(std::string text) {
  bool first = true;
  for (char& c : text) {
    if (first) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    first = c == ' ';
  }
  return text;
}

Result<bj::value> joined(const bj::value& list, const std::string& separator) {
  const auto* array = list.if_array();
  if (!array && !list.is_null()) return function_error("`join` takes a list");
  std::string out;
  bool first = true;
  if (array)
    for (const auto& part : *array) out += (std::exchange(first, false) ? "" : separator) + text_of(part);
  return bj::value(bj::string(out));
}

bj::value split_text(const std::string& text, const std::string& separator) {
  bj::array parts;
  std::size_t at = 0;
  if (separator.empty()) {
    for (const char c : text) parts.emplace_back(bj::string(1, c));
    return parts;
  }
  for (;;) {
    const auto next = text.find(separator, at);
    parts.emplace_back(bj::string(text.substr(at, next == std::string::npos ? next : next - at)));
    if (next == std::string::npos) return parts;
    at = next + separator.size();
  }
}

Result<bj::value> element_of(const Values& operands) {
  if (operands.empty()) return function_error("`index` needs something to look in");
  const bj::value* value = &operands[0];
  static const bj::value kNone;
  for (std::size_t i = 1; i < operands.size(); ++i) {
    if (value->is_null()) return function_error("`index` looks into nothing");
    if (const auto* object = value->if_object()) {
      const auto* member = object->if_contains(text_of(operands[i]));
      value = member ? member : &kNone;
      continue;
    }
    const auto number = integer_of(operands[i]);
    const auto* array = value->if_array();
    if (!array || !number) return function_error("`index` cannot look for that there");
    if (*number < 0 || static_cast<std::size_t>(*number) >= array->size())
      return function_error("index " + std::to_string(*number) + " is out of range: there are " +
                            std::to_string(array->size()));
    value = &(*array)[static_cast<std::size_t>(*number)];
  }
  return *value;
}

Result<bj::value> slice_of(const Values& operands) {
  const auto* text = operands[0].if_string();
  const auto* array = operands[0].if_array();
  if (!text && !array) return function_error("`slice` takes a list or a string");
  const auto size = static_cast<std::int64_t>(text ? text->size() : array->size());
  const std::int64_t from = operands.size() > 1 ? integer_of(operands[1]).value_or(-1) : 0;
  const std::int64_t to = operands.size() > 2 ? integer_of(operands[2]).value_or(-1) : size;
  if (from < 0 || to < from || to > size) return function_error("`slice` is out of range");
  if (text)
    return bj::value(bj::string(text->subview(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from))));
  return bj::value(bj::array(array->begin() + from, array->begin() + to));
}

// %s %v %d %q %x %t %%, with flags and width as `%-10s`.
Result<bj::value> formatted(const Values& operands) {
  if (operands.empty()) return function_error("`printf` needs a format");
  const std::string format = text_of(operands[0]);
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    bool left = false, zero = false;
    std::size_t width = 0, precision = std::string::npos;
    for (++i; i < format.size() && (format[i] == '-' || format[i] == '0' || format[i] == '+'); ++i)
      (format[i] == '-' ? left : zero) = true;
    for (; i < format.size() && std::isdigit(static_cast<unsigned char>(format[i])); ++i)
      width = std::min<std::size_t>(1000, width * 10 + static_cast<std::size_t>(format[i] - '0'));
    if (i < format.size() && format[i] == '.')
      for (precision = 0, ++i; i < format.size() && std::isdigit(static_cast<unsigned char>(format[i])); ++i)
        precision = std::min<std::size_t>(1u << 20, precision * 10 + static_cast<std::size_t>(format[i] - '0'));
    if (i >= format.size()) return function_error("`printf` has a `%` without its verb");
    const char verb = format[i];
    if (verb == '%') {
      out += '%';
      continue;
    }
    if (next >= operands.size()) return function_error("`printf` has more verbs than values");
    const bj::value& value = operands[next++];
    std::string text = verb == 'q' ? bj::serialize(bj::string(text_of(value))) : text_of(value);
    if (verb == 'x' && integer_of(value))
      text = fmt::format("{:x}", *integer_of(value));
    else if (!std::strchr("svdtq", verb))
      return function_error("`printf` does not know `%" + std::string(1, verb) + "`");
    if (verb == 's' && precision < text.size()) text.resize(precision);
    if (text.size() < width) {
      const std::string gap(width - text.size(), zero && !left && verb == 'd' ? '0' : ' ');
      text = left ? text + gap : gap + text;
    }
    out += text;
  }
  return bj::value(bj::string(out));
}

// -1, 0, 1; nothing where the two cannot be compared.
std::optional<int> order_of(const bj::value& one, const bj::value& other) {
  const auto a = integer_of(one), b = integer_of(other);
  if (a && b) return *a < *b ? -1 : *a > *b;
  if (one.is_number() && other.is_number()) {
    const double x = one.to_number<double>(), y = other.to_number<double>();
    return x < y ? -1 : x > y;
  }
  if (one.is_string() && other.is_string()) {
    const int order = one.get_string().compare(other.get_string());
    return order < 0 ? -1 : order > 0;
  }
  return std::nullopt;
}

Result<bj::value> compared(const std::string& name, const Values& operands) {
  if (operands.size() < 2) return function_error("`" + name + "` compares two values");
  if (name == "eq" || name == "ne") {
    bool equal = false;
    for (std::size_t i = 1; i < operands.size(); ++i) {
      const auto order = order_of(operands[0], operands[i]);
      equal = equal || (order ? *order == 0 : operands[0] == operands[i]);
    }
    return bj::value(equal == (name == "eq"));
  }
  const auto order = order_of(operands[0], operands[1]);
  if (!order) return function_error("`" + name + "` cannot compare these two");
  return bj::value(name == "lt" ? *order < 0 : name == "le" ? *order <= 0 : name == "gt" ? *order > 0 : *order >= 0);
}

bj::value chosen(const std::string& name, const Values& operands) {
  for (const auto& operand : operands)
    if (template_truth(operand) == (name == "or")) return operand;
  return operands.back();
}

Result<bj::value> printed(const std::string& name, const Values& operands) {
  std::string out;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const bool spaced = name == "println" || (i > 0 && !operands[i].is_string() && !operands[i - 1].is_string());
    out += (i > 0 && spaced ? " " : "") + text_of(operands[i]);
  }
  return bj::value(bj::string(name == "println" ? out + "\n" : out));
}

std::string shortened(const std::string& text, std::size_t length) {
  std::size_t at = 0;
  for (std::size_t runes = 0; at < text.size(); ++at)
    if ((text[at] & 0xC0) != 0x80 && ++runes > length) break;
  return text.substr(0, at);
}

struct Arity {
  std::size_t least, most;
};
const std::map<std::string, Arity, std::less<>> kFunctions{
    {"json", {1, 1}},    {"join", {2, 2}},  {"split", {2, 2}},    {"lower", {1, 1}},  {"upper", {1, 1}},
    {"title", {1, 1}},   {"pad", {3, 3}},   {"truncate", {2, 2}}, {"print", {0, 99}}, {"println", {0, 99}},
    {"printf", {1, 99}}, {"index", {1, 9}}, {"len", {1, 1}},      {"slice", {1, 3}},  {"eq", {2, 99}},
    {"ne", {2, 2}},      {"lt", {2, 2}},    {"le", {2, 2}},       {"gt", {2, 2}},     {"ge", {2, 2}},
    {"and", {1, 99}},    {"or", {1, 99}},   {"not", {1, 1}}};

Result<bj::value> length_of(const bj::value& value) {
  if (const auto* text = value.if_string()) return bj::value(static_cast<std::int64_t>(text->size()));
  if (const auto* array = value.if_array()) return bj::value(static_cast<std::int64_t>(array->size()));
  if (const auto* object = value.if_object()) return bj::value(static_cast<std::int64_t>(object->size()));
  if (value.is_null()) return bj::value(std::int64_t{0});
  return function_error("`len` takes a list, a map or a string");
}

}  // namespace

bool is_template_function(std::string_view name) { return kFunctions.find(name) != kFunctions.end(); }

Result<bj::value> call_template_function(const std::string& name, const Values& operands) {
  const Arity arity = kFunctions.at(name);
  if (operands.size() < arity.least || operands.size() > arity.most)
    return function_error("`" + name + "` does not take " + std::to_string(operands.size()) + " values");
  const auto text = [&](std::size_t i) { return text_of(operands[i]); };
  const auto made = [](const std::string& result) { return bj::value(bj::string(result)); };
  if (name == "json") return made(bj::serialize(operands[0]));
  if (name == "join") return joined(operands[0], text(1));
  if (name == "split") return split_text(text(0), text(1));
  if (name == "lower") return made(mapped(text(0), std::tolower));
  if (name == "upper") return made(mapped(text(0), std::toupper));
  if (name == "title") return made(titled(text(0)));
  if (name == "index") return element_of(operands);
  if (name == "slice") return slice_of(operands);
  if (name == "len") return length_of(operands[0]);
  if (name == "printf") return formatted(operands);
  if (name == "print" || name == "println") return printed(name, operands);
  if (name == "not") return bj::value(!template_truth(operands[0]));
  if (name == "and" || name == "or") return chosen(name, operands);
  if (name == "truncate")
    return made(
        shortened(text(0), static_cast<std::size_t>(std::max<std::int64_t>(0, integer_of(operands[1]).value_or(0)))));
  if (name == "pad") {
    const auto gap = [&](std::size_t i) {
      return std::string(
          static_cast<std::size_t>(std::clamp<std::int64_t>(integer_of(operands[i]).value_or(0), 0, 1000)), ' ');
    };
    return made(text(0).empty() ? "" : gap(1) + text(0) + gap(2));
  }
  return compared(name, operands);
}

bool template_truth(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null: return false;
    case bj::kind::bool_: return value.get_bool();
    case bj::kind::int64: return value.get_int64() != 0;
    case bj::kind::uint64: return value.get_uint64() != 0;
    case bj::kind::double_: return value.get_double() != 0;
    case bj::kind::string: return !value.get_string().empty();
    case bj::kind::array: return !value.get_array().empty();
    case bj::kind::object: return !value.get_object().empty();
  }
  return false;
}

std::string template_text(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null: return "<no value>";
    case bj::kind::string: return std::string(value.get_string());
    case bj::kind::double_: return fmt::format("{}", value.get_double());
    case bj::kind::array: {
      std::string out = "[";
      for (const auto& element : value.get_array())
        out += (out.size() > 1 ? " " : "") + (element.is_null() ? "<nil>" : template_text(element));
      return out + "]";
    }
    case bj::kind::object: {
      std::map<std::string, std::string> sorted;
      for (const auto& [key, member] : value.get_object())
        sorted[std::string(key)] = member.is_null() ? "<nil>" : template_text(member);
      std::string out = "map[";
      for (const auto& [key, text] : sorted) out += (out.size() > 4 ? " " : "") + key + ":" + text;
      return out + "]";
    }
    default: return bj::serialize(value);
  }
}

}  // namespace berth::cli
