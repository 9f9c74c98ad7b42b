#include "render/go_template.hpp"

#include <map>

#include "render/go_template_nodes.hpp"

namespace berth::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kLongestRendering = 64u << 20;

class TemplateRun {
 public:
  TemplateRun(const bj::value& root, bool plain) : root_(root), plain_(plain) { variables_["$"] = root; }

  Result<void> nodes(const std::vector<TemplateNode>& list, const bj::value& dot) {
    for (const auto& node : list) BERTH_TRY(one(node, dot));
    return {};
  }
  std::string take() { return std::move(out_); }

 private:
  Result<void> one(const TemplateNode& node, const bj::value& dot) {
    if (out_.size() > kLongestRendering) return Error::make(ErrorKind::Invalid, "what --format gives is too long");
    if (node.kind == TemplateNode::Kind::Text) {
      out_ += node.text;
      return {};
    }
    auto value = pipe(node.pipe, dot);
    if (!value) return value.error();
    const auto outer = variables_;
    if (node.pipe.declares && node.kind != TemplateNode::Kind::Range) variables_[node.pipe.variables[0]] = *value;
    switch (node.kind) {
      case TemplateNode::Kind::Text: break;
      case TemplateNode::Kind::Print:
        if (!node.pipe.declares) out_ += template_text(*value);
        return {};  // what it declares lives on
      case TemplateNode::Kind::If: BERTH_TRY(nodes(template_truth(*value) ? node.then : node.otherwise, dot)); break;
      case TemplateNode::Kind::With:
        if (template_truth(*value))
          BERTH_TRY(nodes(node.then, *value));
        else
          BERTH_TRY(nodes(node.otherwise, dot));
        break;
      case TemplateNode::Kind::Range: BERTH_TRY(range(node, *value, dot)); break;
    }
    variables_ = outer;
    return {};
  }

  Result<void> range(const TemplateNode& node, const bj::value& over, const bj::value& dot) {
    if (!template_truth(over)) return nodes(node.otherwise, dot);
    if (const auto* list = over.if_array()) {
      std::int64_t index = 0;
      for (const auto& element : *list) BERTH_TRY(turn(node, index++, element));
      return {};
    }
    if (const auto* object = over.if_object()) {  // Compat: by key
      std::map<std::string, const bj::value*> sorted;
      for (const auto& [key, element] : *object) sorted[std::string(key)] = &element;
      for (const auto& [key, element] : sorted) BERTH_TRY(turn(node, bj::string(key), *element));
      return {};
    }
    return Error::make(ErrorKind::Invalid, "invalid --format: range cannot go through `" + template_text(over) + "`");
  }

  Result<void> turn(const TemplateNode& node, bj::value key, const bj::value& element) {
    const auto& names = node.pipe.variables;
    if (names.size() == 1) variables_[names[0]] = element;
    if (names.size() == 2) variables_[names[0]] = std::move(key), variables_[names[1]] = element;
    return nodes(node.then, element);
  }

  Result<bj::value> pipe(const TemplatePipe& pipe, const bj::value& dot) {
    bj::value last;
    for (std::size_t i = 0; i < pipe.calls.size(); ++i) {
      const auto& call = pipe.calls[i];
      std::vector<bj::value> operands;
      for (const auto& operand : call.operands) {
        auto value = operand_value(operand, dot);
        if (!value) return value.error();
        operands.push_back(std::move(*value));
      }
      if (i > 0) operands.push_back(std::move(last));
      if (call.function.empty()) {
        if (i > 0) return Error::make(ErrorKind::Invalid, "invalid --format: only functions stand behind `|`");
        last = std::move(operands[0]);
        continue;
      }
      if (plain_ && changes_text(call.function) && !operands.empty()) {
        last = operands.front();
        continue;
      }
      auto value = call_template_function(call.function, operands);
      if (!value) return value.error();
      last = std::move(*value);
    }
    return last;
  }

  static bool changes_text(const std::string& function) {
    for (const char* one : {"json", "split", "join", "title", "lower", "upper", "truncate"})
      if (function == one) return true;
    return false;
  }

  Result<bj::value> operand_value(const TemplateOperand& operand, const bj::value& dot) {
    using Kind = TemplateOperand::Kind;
    bj::value nested;
    const bj::value* value = &dot;
    if (operand.kind == Kind::Literal) return operand.literal;
    if (operand.kind == Kind::Nested) {
      auto inner = pipe(*operand.nested, dot);
      if (!inner) return inner.error();
      nested = std::move(*inner);
      value = &nested;
    } else if (operand.kind == Kind::Variable) {
      const auto known = variables_.find(operand.variable);
      if (known == variables_.end())
        return Error::make(ErrorKind::Invalid, "invalid --format: variable `" + operand.variable + "` is not declared");
      value = &known->second;
    }
    bool at_root = value == &dot ? &dot == &root_ : operand.variable == "$";
    for (const auto& field : operand.fields) {
      if (value->is_null())
        return Error::make(ErrorKind::NotFound, "invalid --format: there is nothing to take field `" + field + "` of");
      const auto* object = value->if_object();
      const auto* member = object ? object->if_contains(field) : nullptr;
      if (!member && (at_root || !object)) return no_field(field, object);
      static const bj::value kNothing;
      value = member ? member : &kNothing;
      at_root = false;
    }
    return *value;
  }

  static Error no_field(const std::string& field, const bj::object* object) {
    auto error = Error::make(ErrorKind::NotFound, "invalid --format: there is no field `" + field + "`");
    std::string known;
    if (object)
      for (const auto& [name, unused] : *object) known += (known.empty() ? "" : ", ") + std::string(name);
    return known.empty() ? error : std::move(error).with_hint("fields are " + known);
  }

  const bj::value& root_;
  const bool plain_;
  std::map<std::string, bj::value> variables_;
  std::string out_;
};

}  // namespace

Result<GoTemplate> GoTemplate::parse(std::string_view text) {
  auto nodes = parse_template(text);
  if (!nodes) return nodes.error();
  GoTemplate made;
  made.nodes_ = std::make_shared<TemplateNodes>(TemplateNodes{std::move(*nodes)});
  return made;
}

Result<std::string> GoTemplate::render(const bj::value& root) const {
  TemplateRun run(root, false);
  BERTH_TRY(run.nodes(nodes_->nodes, root));
  return run.take();
}

Result<std::string> GoTemplate::render_headings(const bj::object& names) const {
  const bj::value root(names);
  TemplateRun run(root, true);
  BERTH_TRY(run.nodes(nodes_->nodes, root));
  return run.take();
}

namespace {

void collect_fields(const TemplatePipe& pipe, std::set<std::string>& fields) {
  for (const auto& call : pipe.calls)
    for (const auto& operand : call.operands) {
      if (!operand.fields.empty()) fields.insert(operand.fields.front());
      if (operand.nested) collect_fields(*operand.nested, fields);
    }
}

void collect_fields(const std::vector<TemplateNode>& nodes, std::set<std::string>& fields) {
  for (const auto& node : nodes) {
    collect_fields(node.pipe, fields);
    collect_fields(node.then, fields);
    collect_fields(node.otherwise, fields);
  }
}

}  // namespace

std::set<std::string> GoTemplate::root_fields() const {
  std::set<std::string> fields;
  collect_fields(nodes_->nodes, fields);
  return fields;
}

}  // namespace berth::cli
