// Instructions that change the config, and what layer-making ones share.
#include <sys/stat.h>

#include <algorithm>

#include "berth/dockerfile/words.hpp"
#include "berth/runtime/user.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/overlay.hpp"
#include "berth/sys/pidfd.hpp"
#include "builder.hpp"
#include "digest.hpp"
#include "history.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace berth::build {
namespace {

void put_env(std::vector<std::string>& env, const std::string& name, const std::string& value) {
  for (auto& pair : env)
    if (pair.starts_with(name + "=")) {
      pair = name + "=" + value;
      return;
    }
  env.push_back(name + "=" + value);
}

std::optional<int> port_number(const std::string& text) {
  if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const int value = std::stoi(text);
  return value <= 65535 ? std::optional(value) : std::nullopt;
}

}  // namespace

Result<void> put_file(const std::string& path, std::string_view bytes, mode_t mode) {
  BERTH_TRY(sys::write_file_atomic(path, bytes, sys::Durability::Volatile, 0600));
  if (chmod(path.c_str(), mode) != 0) return Error::system(errno, "change mode of", path);
  return {};
}

Result<std::string> Builder::expand(const StageState& state, const dockerfile::Word& word) {
  auto text =
      dockerfile::expand_word(word.text, file_.escape, [&](std::string_view name) -> std::optional<std::string> {
        const auto at = state.scope.find(std::string(name));
        if (at == state.scope.end()) return std::nullopt;
        return at->second;
      });
  if (!text) return failed(word.span, text.error().to_string());
  return std::move(text->text);
}

std::string Builder::absolute(const StageState& state, const std::string& path) const {
  if (path.starts_with('/')) return path;
  std::string base = state.config.config.working_dir.empty() ? "/" : state.config.config.working_dir;
  if (!base.ends_with('/')) base += '/';
  return path == "." ? base : path.starts_with("./") ? base + path.substr(2) : base + path;
}

// Compat: a user given as a number alone brings the group of that number, whatever /etc/passwd says.
Result<sys::CopyOwner> Builder::owner_in(int root, const std::string& user) {
  const bool number = !user.empty() && user.find_first_not_of("0123456789") == std::string::npos;
  auto owner = runtime::resolve_user(root, number ? user + ":" + user : user);
  if (!owner) return owner.error();
  return sys::CopyOwner{owner->user.uid, owner->user.gid};
}

std::vector<std::string> Builder::shell_of(const StageState& state) const {
  if (!state.config.config.shell.empty()) return state.config.config.shell;
  return {"/bin/sh", "-c"};
}

void Builder::history(StageState& state, std::string created_by, bool empty_layer) {
  oci::ImageHistory entry;
  entry.created_by = std::move(created_by);
  entry.comment = "buildkit.dockerfile.v0";
  entry.empty_layer = empty_layer;
  state.config.history.push_back(std::move(entry));
}

// All values of one line see the variables as they were before it.
Result<std::string> Builder::apply_env(StageState& state, const dockerfile::Env& env) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& pair : env.pairs) {
    auto name = expand(state, pair.key);
    if (!name) return name.error();
    auto value = expand(state, pair.value);
    if (!value) return value.error();
    if (name->empty()) return failed(pair.key.span, "ENV names can not be blank");
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  std::string text = "ENV";
  for (auto& [name, value] : pairs) {
    put_env(state.config.config.env, name, value);
    state.scope[name] = value;
    text += " " + name + "=" + value;
  }
  return text;
}

Result<std::string> Builder::apply_arg(StageState& state, const dockerfile::Arg& arg) {
  std::vector<std::pair<std::string, std::optional<std::string>>> values;
  for (const auto& one : arg.names) {
    auto name = expand(state, one.name);
    if (!name) return name.error();
    std::optional<std::string> value = argument(*name);
    if (!value && one.value) {
      auto fallback = expand(state, *one.value);
      if (!fallback) return fallback.error();
      value = std::move(*fallback);
    }
    if (!value)
      if (const auto global = graph_.global_args.find(*name); global != graph_.global_args.end())
        value = global->second;
    values.emplace_back(std::move(*name), std::move(value));
  }
  std::string text = "ARG";
  for (auto& [name, value] : values) {
    if (std::find(state.declared.begin(), state.declared.end(), name) == state.declared.end())
      state.declared.push_back(name);
    text += " " + name + (value ? "=" + *value : "");
    if (value) state.scope[name] = std::move(*value);
  }
  return text;
}

Result<std::string> Builder::apply_label(StageState& state, const dockerfile::Label& label) {
  std::string text = "LABEL";
  for (const auto& pair : label.pairs) {
    auto name = expand(state, pair.key);
    if (!name) return name.error();
    auto value = expand(state, pair.value);
    if (!value) return value.error();
    if (name->empty()) return failed(pair.key.span, "LABEL names can not be blank");
    text += " " + *name + "=" + *value;
    state.config.config.labels[*name] = std::move(*value);
  }
  return text;
}

Result<std::string> Builder::apply_expose(StageState& state, const dockerfile::Expose& expose) {
  std::vector<std::string> exposed;
  for (const auto& word : expose.ports) {
    auto list =
        dockerfile::expand_words(word.text, file_.escape, [&](std::string_view name) -> std::optional<std::string> {
          const auto at = state.scope.find(std::string(name));
          return at == state.scope.end() ? std::nullopt : std::optional(at->second);
        });
    if (!list) return failed(word.span, list.error().to_string());
    for (std::string port : *list) {
      std::string protocol = "tcp";
      if (const auto slash = port.find('/'); slash != std::string::npos) {
        protocol = port.substr(slash + 1);
        for (char& c : protocol) c = static_cast<char>(tolower(c));
        port.resize(slash);
      }
      if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
        return failed(word.span, "invalid proto: " + protocol, "tcp, udp or sctp");
      port = port.substr(port.rfind(':') + 1);
      if (port.empty()) return failed(word.span, "no port specified: " + word.text);
      const auto dash = port.find('-');
      const auto first = port_number(port.substr(0, dash));
      const auto last = dash == std::string::npos ? first : port_number(port.substr(dash + 1));
      if (!first || !last || *last < *first) return failed(word.span, "invalid containerPort: " + port);
      for (int number = *first; number <= *last; ++number) exposed.push_back(std::to_string(number) + "/" + protocol);
    }
  }
  std::sort(exposed.begin(), exposed.end());
  state.config.config.exposed_ports.insert(exposed.begin(), exposed.end());
  return history_of_list("EXPOSE", exposed);
}

std::string Builder::apply_healthcheck(StageState& state, const dockerfile::Healthcheck& check) {
  oci::ImageHealthcheck out;
  if (check.none)
    out.test = {"NONE"};
  else if (check.command.shell_form)
    out.test = {"CMD-SHELL", check.command.words.empty() ? "" : check.command.words[0]};
  else {
    out.test = {"CMD"};
    out.test.insert(out.test.end(), check.command.words.begin(), check.command.words.end());
  }
  out.interval = check.interval.value_or(text::Duration(0)).count();
  out.timeout = check.timeout.value_or(text::Duration(0)).count();
  out.start_period = check.start_period.value_or(text::Duration(0)).count();
  out.start_interval = check.start_interval.value_or(text::Duration(0)).count();
  out.retries = check.retries.value_or(0);
  std::string text = history_of_healthcheck(out);
  state.config.config.healthcheck = std::move(out);
  return text;
}

std::vector<std::string> Builder::in_shell(const StageState& state, const dockerfile::Command& command) const {
  std::vector<std::string> out;
  if (command.shell_form && !command.words.empty()) out = shell_of(state);
  out.insert(out.end(), command.words.begin(), command.words.end());
  return out;
}

std::string Builder::set_command(StageState& state, const dockerfile::Cmd& cmd) const {
  state.config.config.cmd = in_shell(state, cmd.command);
  state.config.config.args_escaped = true;
  state.command_set = true;
  return history_of_command("CMD", *state.config.config.cmd);
}

std::string Builder::set_entrypoint(StageState& state, const dockerfile::Entrypoint& entry) const {
  oci::ImageProcess& config = state.config.config;
  auto words = in_shell(state, entry.command);
  std::string text = history_of_command("ENTRYPOINT", words);
  config.entrypoint = std::move(words);
  if (config.entrypoint->empty()) config.entrypoint.reset();
  // The base's CMD were arguments of another program.
  if (!state.command_set) config.cmd.reset();
  return text;
}

Result<std::string> Builder::settings(StageState& state, const dockerfile::Instruction& step) {
  oci::ImageProcess& config = state.config.config;
  if (const auto* env = std::get_if<dockerfile::Env>(&step.operation)) return apply_env(state, *env);
  if (const auto* arg = std::get_if<dockerfile::Arg>(&step.operation)) return apply_arg(state, *arg);
  if (const auto* label = std::get_if<dockerfile::Label>(&step.operation)) return apply_label(state, *label);
  if (const auto* expose = std::get_if<dockerfile::Expose>(&step.operation)) return apply_expose(state, *expose);
  if (const auto* check = std::get_if<dockerfile::Healthcheck>(&step.operation))
    return apply_healthcheck(state, *check);
  if (const auto* cmd = std::get_if<dockerfile::Cmd>(&step.operation)) return set_command(state, *cmd);
  if (const auto* entry = std::get_if<dockerfile::Entrypoint>(&step.operation)) return set_entrypoint(state, *entry);
  if (const auto* user = std::get_if<dockerfile::User>(&step.operation)) {
    auto text = expand(state, user->user);
    if (!text) return text.error();
    config.user = std::move(*text);
    return "USER " + config.user;
  }
  if (const auto* signal = std::get_if<dockerfile::Stopsignal>(&step.operation)) {
    auto text = expand(state, signal->signal);
    if (!text) return text.error();
    if (!sys::parse_signal(*text))
      return failed(signal->signal.span, "invalid signal: " + *text, "a name as SIGTERM, or a number");
    config.stop_signal = std::move(*text);
    return "STOPSIGNAL " + config.stop_signal;
  }
  if (const auto* shell = std::get_if<dockerfile::Shell>(&step.operation)) {
    config.shell = shell->words;
    return history_of_list("SHELL", shell->words);
  }
  if (const auto* author = std::get_if<dockerfile::Maintainer>(&step.operation)) {
    state.config.author = author->name;
    return "MAINTAINER " + author->name;
  }
  if (const auto* trigger = std::get_if<dockerfile::Onbuild>(&step.operation)) {
    config.on_build.push_back(trigger->expression);
    return "ONBUILD " + trigger->expression;
  }
  const auto& volume = std::get<dockerfile::Volume>(step.operation);
  std::vector<std::string> paths;
  for (const auto& word : volume.paths) {
    auto path = expand(state, word);
    if (!path) return path.error();
    if (path->empty()) return failed(word.span, "VOLUME specified can not be an empty string");
    config.volumes.insert(*path);
    paths.push_back(std::move(*path));
  }
  return history_of_list("VOLUME", paths);
}

Result<void> Builder::apply(StageState& state, const dockerfile::Instruction& step, std::size_t stage) {
  if (ports_.cancelled && ports_.cancelled()) return Error::make(ErrorKind::Cancelled, "the build was interrupted");
  begin_step(step.original);
  if (const auto* run = std::get_if<dockerfile::Run>(&step.operation)) return apply_run(state, *run, step, stage);
  if (const auto* copy = std::get_if<dockerfile::Copy>(&step.operation)) return apply_copy(state, *copy, step, stage);
  if (const auto* workdir = std::get_if<dockerfile::Workdir>(&step.operation))
    return apply_workdir(state, *workdir, step);
  auto created_by = settings(state, step);
  if (!created_by) return created_by.error();
  history(state, std::move(*created_by), true);
  end_step(true);
  return {};
}

Result<std::vector<std::string>> Builder::lower_directories(const std::vector<LayerId>& layers,
                                                            const image::LayerDraft& draft) {
  std::vector<std::string> out;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    auto directory = ports_.images->layer_directory(*layer);
    if (!directory) return directory.error();
    out.push_back(std::move(*directory));
  }
  if (out.empty()) {
    out.push_back(draft.scratch() + "/empty");
    BERTH_TRY(sys::make_directories(out.back(), 0755));
  }
  return out;
}

Result<void> Builder::layer_step(StageState& state, const std::string& key,
                                 const std::function<Result<bool>(image::LayerDraft&)>& make) {
  if (!ignores_cache_) {
    auto known = ports_.images->cache_get(key);
    if (!known) return known.error();
    if (*known) {
      if (!(*known)->layer.empty()) state.layers.push_back((*known)->layer);
      state.key = key;
      end_step(true);
      return {};
    }
  }
  auto draft = ports_.images->begin_layer();
  if (!draft) return draft.error();
  for (const auto& directory : {draft->upper(), draft->work(), draft->scratch()})
    BERTH_TRY(sys::make_directories(directory, 0755));
  // The upper directory's own metadata becomes that of `/`.
  auto lowers = lower_directories(state.layers, *draft);
  if (!lowers) return lowers.error();
  struct stat top {};
  if (stat(lowers->front().c_str(), &top) != 0) return Error::system(errno, "look at layer", lowers->front());
  if (chown(draft->upper().c_str(), top.st_uid, top.st_gid) != 0 ||
      chmod(draft->upper().c_str(), state.layers.empty() ? 0755 : top.st_mode & 07777) != 0)
    return Error::system(errno, "prepare layer", draft->upper());
  auto made = make(*draft);
  if (!made) return made.error();
  image::ImageStore::CacheRecord record;
  if (*made) {
    auto layer = ports_.images->commit_layer(std::move(*draft));
    if (!layer) return layer.error();
    record.layer = *layer;
    state.layers.push_back(*layer);
  }
  BERTH_TRY(ports_.images->cache_put(key, record));
  state.key = key;
  end_step(false);
  return {};
}

Result<void> Builder::apply_workdir(StageState& state, const dockerfile::Workdir& workdir,
                                    const dockerfile::Instruction& step) {
  auto path = expand(state, workdir.path);
  if (!path) return path.error();
  std::string directory = absolute(state, *path);
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  const std::string user = state.config.config.user;
  const std::string key = Digest().field("workdir").field(state.key).field(directory).field(user).hex();
  state.config.config.working_dir = directory;
  const std::size_t layers_before = state.layers.size();
  const auto stepped = layer_step(state, key, [&](image::LayerDraft& draft) -> Result<bool> {
    auto lowers = lower_directories(state.layers, draft);
    if (!lowers) return lowers.error();
    sys::CopyOptions options;
    {
      auto view = sys::open_overlay(*lowers, "", "");
      if (!view) return view.error();
      if (sys::open_in_root(view->get(), directory, O_PATH | O_DIRECTORY)) return false;
      auto owner = owner_in(view->get(), user);
      if (!owner) return failed(step.span, owner.error().to_string());
      options.owner = *owner;
    }
    const std::string empty = draft.scratch() + "/workdir";
    BERTH_TRY(sys::make_directories(empty));
    if (chmod(empty.c_str(), 0755) != 0) return Error::system(errno, "change mode of", empty);  // whatever the umask
    auto source = sys::open(empty, O_PATH | O_DIRECTORY);
    if (!source) return source.error();
    auto target = sys::open_overlay(*lowers, draft.upper(), draft.work());
    if (!target) return target.error();
    auto copied = sys::copy_tree(source->get(), ".", target->get(), directory, options);
    if (!copied) return copied.error();
    return true;
  });
  if (!stepped) return stepped.error();
  history(state, "WORKDIR " + directory, state.layers.size() == layers_before);
  return {};
}

}  // namespace berth::build
