#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../../src/registry/header_values.hpp"
#include "../../src/registry/server_words.hpp"
#include "../../src/registry/settings.hpp"
#include "../../src/registry/token.hpp"
#include "berth/registry/http.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::registry;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)parse_challenges({text, text});
  (void)parse_retry_after(text, std::chrono::system_clock::time_point());
  (void)parse_content_range(text);
  for (const char c : parse_server_words(text).text)
    if (static_cast<unsigned char>(c) < 0x20) std::abort();
  (void)parse_daemon_json(text);
  (void)ProxySettings::from({{"http_proxy", text}, {"no_proxy", text}});
  // What goes into a request line or a header must not end it.
  if (const auto token = parse_token_answer(text); token && token->token.find_first_of("\r\n ") != std::string::npos)
    std::abort();
  const auto base = parse_url("https://h/v2/x?y=z");
  for (const auto& url : {parse_url(text), resolve_location(*base, text)})
    if (url && (url->target.find_first_of("\r\n ") != std::string::npos || url->target.front() != '/' ||
                url->host.find_first_of("@/ \r\n") != std::string::npos))
      std::abort();
  return 0;
}
