// passwd and group files come from images: one input, passwd, group and user separated by NUL.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "berth/runtime/user.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first = text.find('\0');
  if (first == std::string_view::npos) return 0;
  const auto second = text.find('\0', first + 1);
  const auto user = second == std::string_view::npos ? std::string_view("app:video") : text.substr(second + 1);
  const auto group = text.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
  (void)berth::runtime::resolve_user_in(text.substr(0, first), group, user, {"audio"});
  return 0;
}
