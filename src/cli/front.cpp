#include "front.hpp"

#include <algorithm>
#include <array>

#include "berth/cli/options.hpp"
#include "options_of_client.hpp"

namespace berth::cli {
namespace {

constexpr std::array kClientFlags{kClientHost, kClientContext,   kClientConfig,  kClientDebug,  kClientLogLevel,
                                  kClientTls,  kClientTlsCaCert, kClientTlsCert, kClientTlsKey, kClientTlsVerify};

const Option* client_flag(auto matches) {
  const auto found = std::find_if(kClientFlags.begin(), kClientFlags.end(), matches);
  return found == kClientFlags.end() ? nullptr : &*found;
}

// How many arguments the client's flag at the beginning of `argument` takes, itself included; 0 where it is none.
std::size_t length_of_flag(std::string_view argument) {
  if (argument.starts_with("--")) {
    const auto equals = argument.find('=');
    const Option* flag = client_flag(
        [name = argument.substr(2, equals - 2)](const Option& candidate) { return candidate.name == name; });
    if (!flag) return 0;
    return flag->value == ValueKind::Flag || equals != std::string_view::npos ? 1 : 2;
  }
  if (argument.size() < 2 || argument[0] != '-') return 0;
  for (std::size_t i = 1; i < argument.size(); ++i) {
    const Option* flag =
        client_flag([letter = argument[i]](const Option& candidate) { return candidate.short_name == letter; });
    if (!flag) return 0;
    if (flag->value != ValueKind::Flag) return i + 1 == argument.size() ? 2 : 1;
  }
  return 1;
}

std::size_t first_word(const std::vector<std::string>& arguments) {
  std::size_t at = 0;
  while (at < arguments.size()) {
    const std::size_t length = length_of_flag(arguments[at]);
    if (length == 0) break;
    at += length;
  }
  return std::min(at, arguments.size());
}

std::vector<std::string> without(const std::vector<std::string>& arguments, std::size_t at) {
  auto rest = arguments;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
  return rest;
}

}  // namespace

Call choose_front(std::string_view argv0, const std::vector<std::string>& arguments) {
  const std::string_view base = argv0.substr(argv0.rfind('/') + 1);  // npos + 1 is 0: the whole
  const bool docker = base == "docker";
  if (base != "docker-compose" && !docker) return {Front::Compose, "berth", arguments};
  if (!docker && !arguments.empty() && arguments[0] == "docker-cli-plugin-metadata")
    return {Front::PluginMetadata, "docker compose", {}};
  const std::size_t word = first_word(arguments);
  const auto is = [&](std::size_t at, std::string_view text) { return at < arguments.size() && arguments[at] == text; };
  if (is(word, "compose")) return {Front::Compose, "docker compose", without(arguments, word)};
  // The client asks its plug-in for `docker help compose` in these words.
  if (is(word, "help") && is(word + 1, "compose"))
    return {Front::Compose, "docker compose", without(arguments, word + 1)};
  if (docker) return {Front::Docker, "docker", arguments};
  return {Front::Compose, "docker-compose", arguments};
}

std::string plugin_metadata() {
  std::string text = R"({"SchemaVersion":"0.1.0","Vendor":"berth","Version":"vLEVEL",)"
                     R"("ShortDescription":"Compose stacks without a daemon: berth"})";
  text.replace(text.find("LEVEL"), 5, kComposeLevel);
  return text + "\n";
}

}  // namespace berth::cli
