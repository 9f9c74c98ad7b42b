// A parsed template, between go_template_parse.cpp and go_template.cpp.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::cli {

struct TemplatePipe;

// One operand: a literal, a field or variable with what is below it, or a pipeline in parentheses.
struct TemplateOperand {
  enum class Kind { Literal, Dot, Variable, Nested };
  Kind kind = Kind::Literal;
  boost::json::value literal;
  std::string variable;             // "$x"; "$" is the root
  std::vector<std::string> fields;  // below it
  std::shared_ptr<const TemplatePipe> nested;
};

// A function with its operands, or one operand alone. What stands before it in the pipeline is its last operand.
struct TemplateCall {
  std::string function;
  std::vector<TemplateOperand> operands;
};

struct TemplatePipe {
  std::vector<std::string> variables;  // `$k, $v :=`, only of range two
  bool declares = false;
  std::vector<TemplateCall> calls;
};

struct TemplateNode {
  enum class Kind { Text, Print, If, Range, With };
  Kind kind = Kind::Text;
  std::string text;
  TemplatePipe pipe;
  std::vector<TemplateNode> then, otherwise;
};

struct TemplateNodes {
  std::vector<TemplateNode> nodes;
};

Result<std::vector<TemplateNode>> parse_template(std::string_view text);
bool is_template_function(std::string_view name);

// What functions do; `operands` in the order of the call.
Result<boost::json::value> call_template_function(const std::string& name,
                                                  const std::vector<boost::json::value>& operands);
std::string template_text(const boost::json::value& value);  // as Go prints it
bool template_truth(const boost::json::value& value);

}  // namespace berth::cli
