#include "commands.hpp"

namespace berth::cli {

void refuse_flags(const OptionValues& given, std::initializer_list<const char*> flags) {
  for (const char* flag : flags)
    if (given.given(flag) && given.text(flag) != "false")
      throw Failure(Error::make(ErrorKind::Unsupported, "--" + std::string(flag) + " is not served by this version"));
}

CommandFunction command_function(std::string_view name) {
  static constexpr struct {
    std::string_view name;
    CommandFunction function;
  } kFunctions[] = {
      {"attach", run_attach},   {"build", run_build},
      {"config", run_config},   {"down", run_down},
      {"exec", run_exec},       {"help", run_help},
      {"image", run_image},     {"ps", run_ps},
      {"kill", run_kill},       {"logs", run_logs},
      {"pause", run_pause},     {"restart", run_restart},
      {"rm", run_rm},           {"run", run_run},
      {"start", run_start},     {"stop", run_stop},
      {"unpause", run_unpause}, {"up", run_up},
      {"version", run_version}, {"create", run_create},
      {"events", run_events},   {"images", run_images},
      {"ls", run_ls},           {"plan", run_plan},
      {"port", run_port},       {"scale", run_scale},
      {"stats", run_stats},     {"top", run_top},
      {"volumes", run_volumes}, {"wait", run_wait},
      {"cp", run_cp},           {"commit", run_commit},
      {"export", run_export},   {"install-names", run_install_names},
      {"volume", run_volume},   {"pull", run_pull},
      {"push", run_push},       {"login", run_login},
      {"logout", run_logout},   {"explain", run_explain},
  };
  for (const auto& entry : kFunctions)
    if (entry.name == name) return entry.function;
  return nullptr;
}

}  // namespace berth::cli
