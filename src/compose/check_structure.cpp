// The merged model against the table of structures: what is empty, missing, doubled, out of range or no word of the
// field. After each file, on all so far: a part of an override alone may leave out what the base has. What was said
// after one file is not said again after the next.
#include <algorithm>
#include <set>

#include "berth/text/suggest.hpp"
#include "passes.hpp"
#include "structures.hpp"

namespace berth::compose {

void LoadState::unknown_word(const Place& place, const std::string& word, const std::string& what,
                             const std::vector<std::string>& known) const {
  std::string all;
  for (const auto& one : known) all += (all.empty() ? "one of " : ", ") + one;
  const auto near = text::nearest(word, known);
  error(place, Code::UnknownWord, "`" + word + "` is no " + what, near ? "did you mean `" + *near + "`?" : all);
}

const char* wanted(Shape shape) {
  switch (shape) {
    case Shape::Text: return "a string";
    case Shape::Flag:
    case Shape::FlagOrNone:
    case Shape::StrictFlag:
    case Shape::StrictOrNone: return "true or false";
    case Shape::Integer:
    case Shape::IntegerOrNone:
    case Shape::WholePart:
    case Shape::WholeNumber: return "a whole number";
    case Shape::Number: return "a number";
    case Shape::Bytes:
    case Shape::WholeBytes:
    case Shape::BytesText: return "a size as `512m`";
    case Shape::Duration:
    case Shape::Pause: return "a duration as `1m30s`";
    case Shape::Texts:
    case Shape::Scalars: return "a list of strings";
    case Shape::TextOrTexts:
    case Shape::Command: return "a string or a list of strings";
    case Shape::Pairs:
    case Shape::PairsOrNone:
    case Shape::NamedTexts: return "a map or a list of `KEY=value`";
    case Shape::TextMap:
    case Shape::OptionMap:
    case Shape::LooseOptions: return "a map";
    case Shape::Hosts: return "a map or a list of `HOST=IP`";
    case Shape::IntegerText: return "a string or a whole number";
    case Shape::FlagText: return "a string, true or false";
    case Shape::FileMode: return "an octal mode as 0440";
    case Shape::Anything: return "a value";
    case Shape::Struct:
    case Shape::StructMap: return "a map";
    case Shape::StructList: return "a list";
  }
  return "";
}

namespace {

class StructureCheck {
 public:
  explicit StructureCheck(LoadState& state) : state_(state) {}

 private:
  void error(const Place& place, Code code, std::string message, std::string hint = {}) {
    const text::Span span = state_.span(place);
    for (const auto& said : state_.diagnostics.all())
      if (said.span.file == span.file && said.span.line == span.line && said.span.column == span.column &&
          said.message == message)
        return;
    state_.error(place, code, std::move(message), std::move(hint));
  }

 public:
  void structure(Node& node, const std::string& name, const std::string& path) {
    const auto& fields = *find_structure(name);
    for (const auto& field : fields)
      if (field.required && !node.find(field.name)) missing(node, field, path);
    node.erase_fields([&](NodeField& given, const Place& key_place) {
      const Field* field = find_field(fields, given.first);
      if (!field) return false;
      const std::string at = path.empty() ? field->name : path + "." + field->name;
      const bool nothing = given.second.is_null() && field->shape != Shape::Command;
      if (!nothing)
        checked(given.second, *field, at);
      else if (!field->nullable)
        error(key_place, Code::EmptyValue, "`" + at + "` must be " + wanted(field->shape) + ", not nothing",
              "remove the line, or fill it in");
      return nothing;
    });
    finish_structure(state_, node, name, path);
  }

 private:
  void missing(const Node& node, const Field& field, const std::string& path) {
    error(head_of(node), Code::MissingKey, "`" + path + "` needs `" + field.name + "`",
          field.words.empty() ? "" : field.name + ": " + field.words.front());
  }

  void checked(Node& value, const Field& field, const std::string& path) {
    if (state_.is_unfilled(value)) return;
    if (!field.words.empty() && value.is_string() &&
        std::find(field.words.begin(), field.words.end(), value.text) == field.words.end())
      state_.unknown_word(value.place, value.text, "value of `" + path + "`", field.words);
    if (field.required && value.is_string() && value.text.empty())
      error(value.place, Code::EmptyValue, "`" + path + "` must not be empty", "fill it in, or remove the line");
    range(value, field, path);
    if (field.unique && value.is_list()) unique(value, path);
    if (field.structure.empty()) return;
    if (field.shape == Shape::Struct) return structure(value, field.structure, path);
    for (std::size_t i = 0; i < value.items.size(); ++i)
      if (value.items[i].is_map())  // else it is not filled in yet
        structure(value.items[i], field.structure, path + "." + std::to_string(i));
    for (auto& [key, item] : value.fields) {
      if (item.is_map())
        structure(item, field.structure, path + "." + key);
      else if (item.is_null() && (field.structure == "ulimit" || field.structure == "model"))
        error(value.key_place(key), Code::EmptyValue, "`" + path + "." + key + "` is empty",
              "fill it in, or remove the line");
    }
  }

  void range(const Node& value, const Field& field, const std::string& path) {
    if (!field.least && !field.most) return;
    const std::string digits = value.scalar_text();
    const double number = std::strtod(digits.c_str(), nullptr);
    if (field.least && number < static_cast<double>(*field.least))
      error(value.place, Code::OutOfRange,
            "`" + path + "` must be at least " + std::to_string(*field.least) + ", not " + digits);
    if (field.most && number > static_cast<double>(*field.most))
      error(value.place, Code::OutOfRange,
            "`" + path + "` must be at most " + std::to_string(*field.most) + ", not " + digits);
  }

  void unique(const Node& list, const std::string& path) {
    std::set<std::string> seen;
    for (const auto& item : list.items)
      if (item.is_scalar() && !seen.insert(item.scalar_text()).second)
        error(item.place, Code::ListedTwice, "`" + item.scalar_text() + "` is listed twice in `" + path + "`",
              "remove one of the two");
  }

  LoadState& state_;
};

}  // namespace

void check_structure(LoadState& state, Node& model) { StructureCheck(state).structure(model, "file", ""); }

}  // namespace berth::compose
