// Go's text/template, as `--format` of docker takes it, over a JSON value. Pure.
//
//   auto format = GoTemplate::parse("{{range .Mounts}}{{.Source}} {{end}}");
//   auto text = format->render(container);
//
// Actions: fields, `$` and variables, pipelines, if / else if / else, range (with index or key), with, comments, `{{-`
// and `-}}`. Functions: json join split lower upper title pad truncate print println printf index len slice eq ne lt le
// gt ge and or not. What is not understood is Invalid when it is parsed.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::cli {

struct TemplateNodes;  // go_template_nodes.hpp

class GoTemplate {
 public:
  static Result<GoTemplate> parse(std::string_view text);
  // Compat: a field that the root does not have is an error; a deeper one is nothing, which prints as `<no value>`, and
  // asking further below it is an error.
  Result<std::string> render(const boost::json::value& root) const;
  // The headings of a table: the same with functions that change nothing, over what each field is called.
  Result<std::string> render_headings(const boost::json::object& names) const;
  std::set<std::string> root_fields() const;  // that it names

 private:
  std::shared_ptr<const TemplateNodes> nodes_;
};

}  // namespace berth::cli
