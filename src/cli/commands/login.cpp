// `login` and `logout`.
#include "registry_login.hpp"

#include "commands.hpp"

namespace berth::cli {

int run_login(const App& app) {
  const OptionValues& given = app.line.options;
  LoginWish wish;
  wish.server = app.line.operands.empty() ? "" : app.line.operands[0];
  wish.user = given.maybe("username");
  wish.password = given.maybe("password");
  wish.password_from_stdin = given.flag("password-stdin");
  login(app, wish);
  return kOk;
}

int run_logout(const App& app) {
  logout(app, app.line.operands.empty() ? "" : app.line.operands[0]);
  return kOk;
}

}  // namespace berth::cli
