// What a registry says when it says no, as one line for people. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::registry {

struct ServerWords {
  std::string code;  // "UNAUTHORIZED", "TOOMANYREQUESTS"; empty where there is none
  std::string text;  // one printable line, at most 300 characters
};
// {"errors":[{code,message,detail}]}, {"error","error_description"}, {"details"}, {"message"}, or plain text; HTML says
// nothing.
ServerWords parse_server_words(std::string_view body);

// Every secret in the text becomes `***`. Secrets of fewer than 4 characters are not looked for.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

}  // namespace berth::registry
