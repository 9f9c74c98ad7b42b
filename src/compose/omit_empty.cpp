// What the model would hold as its empty value is left out, so that `config` prints as docker compose does.
#include "passes.hpp"
#include "structures.hpp"

namespace berth::compose {

namespace {

void omit_in(Node& node, const std::string& name);

// Whether a value is as good as absent; below it, what is so is left out.
bool is_omitted(const Field& field, Node* value, const std::string& name) {
  if (name == "service" && field.name == "dns")  // a server that a variable did not name
    std::erase_if(value->items, [](const Node& item) { return item.text.empty(); });
  bool drop = false;
  switch (field.shape) {
    case Shape::Text:
    case Shape::IntegerText:
    case Shape::FlagText: drop = value->is_string() && value->text.empty(); break;
    case Shape::Flag:
    case Shape::StrictFlag: drop = value->is(NodeKind::Bool) && !value->boolean; break;
    case Shape::Integer:
    case Shape::WholePart:
    case Shape::WholeNumber: drop = value->is(NodeKind::Int) && value->integer == 0; break;
    case Shape::Number: drop = value->is(NodeKind::Float) && value->real == 0; break;
    case Shape::Bytes:
    case Shape::WholeBytes:
    case Shape::BytesText: drop = value->text == "0"; break;
    case Shape::Anything:
      drop = (field.name == "count" && value->is(NodeKind::Int) && value->integer == 0) ||
             (field.name == "external" && value->is(NodeKind::Bool) && !value->boolean) ||
             (field.name == "test" && value->is_list() && value->items.empty());
      break;
    case Shape::Pause: drop = value->text == "0s"; break;
    case Shape::Struct: omit_in(*value, field.structure); break;
    case Shape::StructList:
      for (auto& item : value->items) omit_in(item, field.structure);
      break;
    case Shape::StructMap:
      for (auto& [key, item] : value->fields)
        if (item.is_map()) omit_in(item, field.structure);
      break;
    case Shape::FlagOrNone:
    case Shape::StrictOrNone:
    case Shape::IntegerOrNone:
    case Shape::Duration:
    case Shape::Texts:
    case Shape::TextOrTexts:
    case Shape::Scalars:
    case Shape::Pairs:
    case Shape::PairsOrNone:
    case Shape::NamedTexts:
    case Shape::TextMap:
    case Shape::OptionMap:
    case Shape::LooseOptions:
    case Shape::Hosts:
    case Shape::Command:
    case Shape::FileMode: break;
  }
  const bool empty = (value->is_list() && value->items.empty()) || (value->is_map() && value->fields.empty());
  return drop || (empty && field.shape != Shape::Struct && field.shape != Shape::Command &&
                  field.shape != Shape::Anything && name != "file");
}

void omit_in(Node& node, const std::string& name) {
  const auto& fields = *find_structure(name);
  node.erase_fields([&](NodeField& given, const Place&) {
    const Field* field = find_field(fields, given.first);
    return field && is_omitted(*field, &given.second, name);
  });
}

}  // namespace

void omit_empty(Node& document) { omit_in(document, "file"); }

}  // namespace berth::compose
