#include "berth/registry/credentials.hpp"

#include <boost/json.hpp>

#include "berth/sys/child_program.hpp"
#include "berth/sys/file.hpp"
#include "docker_config.hpp"
#include "server_words.hpp"

namespace berth::registry {
namespace {

namespace bj = boost::json;

constexpr std::size_t kLargestConfig = 4u << 20;
constexpr std::size_t kLargestAnswer = 1u << 20;
// Compat: the words of docker's helpers for "I know nothing of it".
constexpr std::string_view kNotFound = "credentials not found in native keychain";
constexpr std::string_view kTokenUser = "<token>";

using Variables = std::map<std::string, std::string>;

std::string variable_of(const Variables& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

struct Helper {
  const Variables& environment;
  int stop_fd;
  std::string name;  // docker-credential-...

  Result<sys::ProgramOutput> ask(const char* verb, const std::string& input) const {
    auto path = sys::find_program(name, variable_of(environment, "PATH"));
    if (!path) return path.error().while_doing("asking the credential helper that the configuration names");
    return sys::run_program(*path, {verb}, environment, input, kLargestAnswer, stop_fd);
  }

  Error failed(const char* verb, const sys::ProgramOutput& output, const std::vector<std::string>& secrets) const {
    // What it prints as an answer may be a secret: only the errors' channel is told, and `out` where the protocol puts
    // the reason of a failure.
    const std::string words = parse_server_words(output.err.empty() ? output.out : output.err).text;
    return Error::make(ErrorKind::Failed, "`" + name + " " + verb + "` failed with exit code " +
                                              std::to_string(output.exit_code) +
                                              (words.empty() ? "" : ": " + without_secrets(words, secrets)));
  }

  Result<std::optional<Credential>> get(const std::string& host) const {
    auto output = ask("get", config_key(host) + "\n");
    if (!output) return output.error();
    if (output->exit_code != 0) {
      if (output->out.find(kNotFound) != std::string::npos || output->err.find(kNotFound) != std::string::npos)
        return std::optional<Credential>();
      return failed("get", *output, {});
    }
    boost::system::error_code wrong;
    const auto value = bj::parse(output->out, wrong);
    const auto* object = wrong ? nullptr : value.if_object();
    const auto* user = object ? object->if_contains("Username") : nullptr;
    const auto* secret = object ? object->if_contains("Secret") : nullptr;
    if (!user || !secret || !user->is_string() || !secret->is_string())
      return Error::make(ErrorKind::Protocol, "`" + name + " get` printed no Username and Secret");
    Credential out;
    out.user = std::string(user->get_string());
    (out.user == kTokenUser ? out.identity_token : out.password) = std::string(secret->get_string());
    if (out.empty()) return std::optional<Credential>();
    return std::optional<Credential>(std::move(out));
  }

  Result<void> store(const std::string& host, const Credential& credential) const {
    const bool token = !credential.identity_token.empty();
    const std::string& secret = token ? credential.identity_token : credential.password;
    const bj::object input{{"ServerURL", config_key(host)},
                           {"Username", token ? std::string(kTokenUser) : credential.user},
                           {"Secret", secret}};
    auto output = ask("store", bj::serialize(input));
    if (!output) return output.error();
    if (output->exit_code != 0) return failed("store", *output, {secret});
    return {};
  }

  Result<bool> erase(const std::string& host) const {
    const auto known = get(host);
    if (!known) return known.error();
    if (!*known) return false;
    auto output = ask("erase", config_key(host) + "\n");
    if (!output) return output.error();
    if (output->exit_code != 0) return failed("erase", *output, {});
    return true;
  }
};

// Nothing where there is no such file.
Result<std::optional<std::string>> read_optional(const std::string& path) {
  auto text = sys::read_file(path, kLargestConfig);
  if (text) return std::optional<std::string>(std::move(*text));
  if (text.error().kind() == ErrorKind::NotFound) return std::optional<std::string>();
  return text.error();
}

Result<DockerConfig> read_config(const std::string& path) {
  if (path.empty()) return DockerConfig();
  const auto text = read_optional(path);
  if (!text) return text.error();
  if (!*text) return DockerConfig();
  auto config = parse_docker_config(**text);
  if (!config) return config.error().while_doing("reading `" + path + "`");
  return config;
}

}  // namespace

CredentialFiles::CredentialFiles(std::map<std::string, std::string> environment, int stop_fd)
    : environment_(std::move(environment)), stop_fd_(stop_fd) {}

std::string CredentialFiles::config_path() const {
  if (const auto set = variable_of(environment_, "DOCKER_CONFIG"); !set.empty()) return set + "/config.json";
  const auto home = variable_of(environment_, "HOME");
  return home.empty() ? home : home + "/.docker/config.json";
}

Result<std::optional<Credential>> CredentialFiles::find(const std::string& host, const std::string& repository) const {
  const auto config = read_config(config_path());
  if (!config) return config.error();
  if (const auto helper = helper_of(*config, host); !helper.empty()) {
    auto known = Helper{environment_, stop_fd_, "docker-credential-" + helper}.get(host);
    // Compat: an entry of the file counts where the store knows nothing.
    if (!known || *known) return known;
  }
  if (auto known = find_credential(*config, host, repository)) return known;
  const auto runtime = variable_of(environment_, "XDG_RUNTIME_DIR");
  const auto containers = read_config(runtime.empty() ? runtime : runtime + "/containers/auth.json");
  if (!containers) return containers.error();
  return find_credential(*containers, host, repository);
}

Result<CredentialFiles::Kept> CredentialFiles::store(const std::string& host, const Credential& credential) const {
  const std::string path = config_path();
  if (path.empty())
    return Error::make(ErrorKind::NotFound, "there is no place for credentials: neither HOME nor DOCKER_CONFIG is set");
  const auto config = read_config(path);
  if (!config) return config.error();
  if (const auto helper = helper_of(*config, host); !helper.empty()) {
    const std::string name = "docker-credential-" + helper;
    BERTH_TRY((Helper{environment_, stop_fd_, name}.store(host, credential)));
    return Kept{name, {}};
  }
  const auto text = read_optional(path);
  if (!text) return text.error();
  auto changed = with_credential(text->value_or(""), host, credential);
  if (!changed) return changed.error().while_doing("reading `" + path + "`");
  BERTH_TRY(sys::make_directories(path.substr(0, path.rfind('/'))));
  BERTH_TRY(sys::write_file_atomic(path, *changed, sys::Durability::Whole, 0600));
  return Kept{{}, path};
}

Result<bool> CredentialFiles::erase(const std::string& host) const {
  const std::string path = config_path();
  const auto config = read_config(path);
  if (!config) return config.error();
  bool found = false;
  if (const auto helper = helper_of(*config, host); !helper.empty()) {
    const auto erased = Helper{environment_, stop_fd_, "docker-credential-" + helper}.erase(host);
    if (!erased) return erased.error();
    found = *erased;
  }
  if (path.empty()) return found;
  const auto text = read_optional(path);
  if (!text) return text.error();
  if (!*text) return found;
  auto changed = without_credential(**text, host);
  if (!changed) return changed.error().while_doing("reading `" + path + "`");
  if (changed->found) BERTH_TRY(sys::write_file_atomic(path, changed->text, sys::Durability::Whole, 0600));
  return found || changed->found;
}

}  // namespace berth::registry
