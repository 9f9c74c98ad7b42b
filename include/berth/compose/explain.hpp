// What `berth explain CODE` says: a page for each diagnostic code of compose files.
//
// The examples are tried by the tests: loading `mistake` gives the code, loading `mend` gives no error. A line
// "--- NAME" begins another file than compose.yaml; one that begins with "$ " is a command line, and is not tried.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::compose {

struct ExplainPage {
  std::string_view code;     // "unknown-key"
  std::string_view title;    // one line
  std::string_view text;     // what it means, and why it is not let through
  std::string_view mistake;  // an example
  std::string_view mend;     // the same, as it works
};

std::vector<ExplainPage> explain_pages();  // in the order of the passes
std::optional<ExplainPage> find_explain_page(std::string_view code);

}  // namespace berth::compose
