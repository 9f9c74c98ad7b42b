#include <cctype>
#include <charconv>
#include <cstring>

#include "render/go_template_nodes.hpp"

namespace berth::cli {
namespace {

constexpr int kDeepestTemplate = 40;

Error template_error(const std::string& what) { return Error::make(ErrorKind::Invalid, "invalid --format: " + what); }

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The inside of `{{...}}`.
class ActionParser {
 public:
  explicit ActionParser(std::string_view text, int depth) : text_(text), depth_(depth) {}

  // The keyword at the beginning, taken away; empty where it begins with something else.
  std::string_view keyword() {
    skip();
    std::size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    for (std::string_view known :
         {"if", "else", "end", "range", "with", "break", "continue", "define", "template", "block"})
      if (word == known) {
        at_ = end;
        return word;
      }
    return {};
  }
  bool is_done() {
    skip();
    return at_ == text_.size();
  }

  Result<TemplatePipe> pipe(bool nested = false) {
    if (depth_ > kDeepestTemplate) return template_error("it is nested too deeply");
    TemplatePipe pipe;
    if (!nested) read_declaration(pipe);
    for (;;) {
      auto one = call();
      if (!one) return one.error();
      pipe.calls.push_back(std::move(*one));
      skip();
      if (at_ < text_.size() && text_[at_] == '|') {
        ++at_;
        continue;
      }
      if (nested && at_ < text_.size() && text_[at_] == ')') return pipe;
      if (!nested && at_ == text_.size()) return pipe;
      return template_error("`" + std::string(text_.substr(at_)) + "` is not understood");
    }
  }

 private:
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  std::string read_variable() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  // `$x :=`, `$k, $v :=`; anything else is left as it is.
  void read_declaration(TemplatePipe& pipe) {
    const std::size_t begin = at_;
    std::vector<std::string> names;
    for (;;) {
      skip();
      if (at_ == text_.size() || text_[at_] != '$') break;
      names.push_back(read_variable());
      skip();
      if (at_ < text_.size() && text_[at_] == ',' && names.size() == 1) {
        ++at_;
        continue;
      }
      if (text_.substr(at_).starts_with(":=")) {
        at_ += 2;
        pipe.variables = std::move(names);
        pipe.declares = true;
        return;
      }
      break;
    }
    at_ = begin;
  }

  Result<TemplateCall> call() {
    TemplateCall call;
    skip();
    if (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_]))) {
      std::size_t end = at_;
      while (end < text_.size() && is_word(text_[end])) ++end;
      const std::string word(text_.substr(at_, end - at_));
      if (word != "true" && word != "false" && word != "nil") {
        if (!is_template_function(word)) return template_error("function `" + word + "` is not known");
        at_ = end;
        call.function = word;
      }
    }
    for (;;) {
      skip();
      if (at_ == text_.size() || text_[at_] == '|' || text_[at_] == ')') break;
      auto one = operand();
      if (!one) return one.error();
      call.operands.push_back(std::move(*one));
    }
    if (call.function.empty() && call.operands.size() != 1)
      return template_error(call.operands.empty() ? "a value is missing in `{{" + std::string(text_) + "}}`"
                                                  : "`{{" + std::string(text_) + "}}` is not understood");
    return call;
  }

  Result<TemplateOperand> operand() {
    TemplateOperand operand;
    const char c = text_[at_];
    if (c == '"' || c == '`' || c == '\'') return quoted(c);
    if (c == '(') {
      ++at_;
      ActionParser inner(text_.substr(at_), depth_ + 1);
      auto pipe = inner.pipe(true);
      if (!pipe) return pipe.error();
      at_ += inner.at_ + 1;
      operand.kind = TemplateOperand::Kind::Nested;
      operand.nested = std::make_shared<TemplatePipe>(std::move(*pipe));
    } else if (c == '$') {
      operand.kind = TemplateOperand::Kind::Variable;
      operand.variable = read_variable();
    } else if (c == '.') {
      operand.kind = TemplateOperand::Kind::Dot;
      if (at_ + 1 == text_.size() || !is_word(text_[at_ + 1])) {
        ++at_;
        return operand;
      }
    } else {
      return bare();
    }
    while (at_ + 1 < text_.size() && text_[at_] == '.' && is_word(text_[at_ + 1])) {
      std::size_t end = ++at_;
      while (end < text_.size() && is_word(text_[end])) ++end;
      operand.fields.emplace_back(text_.substr(at_, end - at_));
      at_ = end;
    }
    return operand;
  }

  // A number, true, false, nil.
  Result<TemplateOperand> bare() {
    TemplateOperand operand;
    std::size_t end = at_;
    while (end < text_.size() && (is_word(text_[end]) || std::strchr("+-.", text_[end]))) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    std::int64_t number = 0;
    const auto [stopped, failed] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (word == "true" || word == "false")
      operand.literal = word == "true";
    else if (word == "nil")
      operand.literal = nullptr;
    else if (!word.empty() && failed == std::errc() && stopped == word.data() + word.size())
      operand.literal = number;
    else
      return template_error("`" + std::string(text_.substr(at_)) + "` is not understood");
    at_ = end;
    return operand;
  }

  Result<TemplateOperand> quoted(char quote) {
    std::string text;
    for (++at_; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == quote) {
        ++at_;
        TemplateOperand operand;
        operand.literal = boost::json::string(text);
        return operand;
      }
      if (c == '\\' && quote != '`' && at_ + 1 < text_.size()) {
        c = text_[++at_];
        c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      }
      text += c;
    }
    return template_error("a string without its end in `{{" + std::string(text_) + "}}`");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : text_(text) {}

  Result<std::vector<TemplateNode>> run() {
    std::vector<TemplateNode> nodes;
    auto ended = block(nodes, 0);
    if (!ended) return ended.error();
    if (!ended->empty()) return template_error("`{{" + *ended + "}}` without a beginning");
    return nodes;
  }

 private:
  // Up to the end of the text, or an `end` or `else`: what ended it, "" for the end.
  Result<std::string> block(std::vector<TemplateNode>& nodes, int depth) {
    if (depth > kDeepestTemplate) return template_error("it is nested too deeply");
    for (;;) {
      auto inside = next(nodes);
      if (!inside) return inside.error();
      if (!*inside) return std::string();
      const std::string action(**inside);
      if (action.starts_with("/*")) continue;
      ActionParser parser(action, depth);
      const std::string word(parser.keyword());
      if (word == "end" || word == "else") {
        rest_ = word == "else" ? action.substr(action.find("else") + 4) : "";
        return word;
      }
      TemplateNode node;
      if (word.empty())
        node.kind = TemplateNode::Kind::Print;
      else if (word == "if")
        node.kind = TemplateNode::Kind::If;
      else if (word == "range")
        node.kind = TemplateNode::Kind::Range;
      else if (word == "with")
        node.kind = TemplateNode::Kind::With;
      else
        return template_error("`{{" + word + "}}` is not understood");
      auto pipe = parser.pipe();
      if (!pipe) return pipe.error();
      node.pipe = std::move(*pipe);
      if (!word.empty())
        if (auto read = branches(node, depth + 1); !read) return read.error();
      nodes.push_back(std::move(node));
    }
  }

  Result<void> branches(TemplateNode& node, int depth) {
    auto ended = block(node.then, depth);
    if (!ended) return ended.error();
    if (*ended == "else") {
      ActionParser parser(rest_, depth);
      if (!parser.is_done()) {  // else if, else with
        TemplateNode inner;
        const auto word = parser.keyword();
        if (word != "if" && word != "with") return template_error("`{{else" + rest_ + "}}` is not understood");
        inner.kind = word == "if" ? TemplateNode::Kind::If : TemplateNode::Kind::With;
        auto pipe = parser.pipe();
        if (!pipe) return pipe.error();
        inner.pipe = std::move(*pipe);
        BERTH_TRY(branches(inner, depth + 1));
        node.otherwise.push_back(std::move(inner));
        return {};
      }
      ended = block(node.otherwise, depth);
      if (!ended) return ended.error();
    }
    if (*ended != "end") return template_error("`{{end}}` is missing");
    return {};
  }

  // The text before the next action is added; the action's inside is given, nothing at the end.
  Result<std::optional<std::string_view>> next(std::vector<TemplateNode>& nodes) {
    const auto open = text_.find("{{");
    std::string_view before = text_.substr(0, open);
    std::string_view inside;
    const bool more = open != std::string_view::npos;
    const bool trimmed = std::exchange(trim_, false);
    if (more) {
      text_.remove_prefix(open + 2);
      const auto close = end_of_action();
      if (close == std::string_view::npos) return template_error("`{{` without `}}`");
      inside = text_.substr(0, close);
      text_.remove_prefix(close + 2);
      if (inside.size() > 1 && inside[0] == '-' && inside[1] == ' ') {
        inside.remove_prefix(2);
        while (!before.empty() && std::isspace(static_cast<unsigned char>(before.back()))) before.remove_suffix(1);
      }
      if (inside.size() > 1 && inside.ends_with(" -")) {
        inside.remove_suffix(2);
        trim_ = true;
      }
      while (!inside.empty() && std::isspace(static_cast<unsigned char>(inside.front()))) inside.remove_prefix(1);
    } else {
      text_ = {};
    }
    while (trimmed && !before.empty() && std::isspace(static_cast<unsigned char>(before.front())))
      before.remove_prefix(1);
    if (!before.empty()) {
      TemplateNode node;
      node.text = before;
      nodes.push_back(std::move(node));
    }
    if (!more) return std::optional<std::string_view>();
    return std::optional(inside);
  }

  // `}}` outside of strings.
  std::size_t end_of_action() const {
    char quote = 0;
    for (std::size_t i = 0; i + 1 < text_.size(); ++i) {
      const char c = text_[i];
      if (quote) {
        if (c == '\\' && quote != '`')
          ++i;
        else if (c == quote)
          quote = 0;
      } else if (c == '"' || c == '`') {
        quote = c;
      } else if (c == '}' && text_[i + 1] == '}') {
        return i;
      }
    }
    return std::string_view::npos;
  }

  std::string_view text_;
  std::string rest_;  // behind `else`
  bool trim_ = false;
};

}  // namespace

Result<std::vector<TemplateNode>> parse_template(std::string_view text) { return TemplateParser(text).run(); }

}  // namespace berth::cli
