// What each instruction makes of its arguments.
#include <algorithm>
#include <charconv>

#include <cctype>

#include "arguments.hpp"
#include "berth/dockerfile/mount.hpp"
#include "instructions.hpp"

namespace berth::dockerfile {

std::optional<Operation> InstructionReader::run() {
  if (!take_flags({"mount", "network", "security", "device"}, {}, {"mount", "device"})) return std::nullopt;
  Run out;
  out.command = command();
  out.heredocs = line.heredocs;
  out.script = out.heredocs.size() == 1 && out.command.shell_form && heredoc_marker(out.command.words[0]);
  out.mounts = all("mount");
  out.devices = all("device");
  if (auto value = flag("network")) out.network = value->text;
  if (auto value = flag("security")) out.security = value->text;
  if (!out.network.empty() && out.network != "default" && out.network != "none" && out.network != "host")
    fail("unsupported network mode `" + out.network + "`", "default, none or host");
  if (!out.security.empty() && out.security != "sandbox" && out.security != "insecure")
    fail("security `" + out.security + "` is not valid", "sandbox or insecure");
  for (const Word& mount : out.mounts)
    if (auto parsed = parse_run_mount(mount.text, escape, {}); !parsed)
      found.error(mount.span, parsed.error().to_string());
  return out;
}

std::optional<Operation> InstructionReader::copy(bool add) {
  const std::string name = add ? "ADD" : "COPY";
  std::vector<std::string> known{"chown", "chmod", "exclude"};
  if (add)
    known.push_back("checksum");
  else
    known.push_back("from");
  std::vector<std::string> boolean{"link"};
  if (add)
    boolean.insert(boolean.end(), {"unpack", "keep-git-dir"});
  else
    boolean.push_back("parents");
  if (!take_flags(known, boolean, {"exclude"})) return std::nullopt;
  bool json = false;
  auto words = list(json);
  if (words.size() < 2) {
    fail(words.empty()
             ? name + " requires at least two arguments"
             : name +
                   " requires at least two arguments, but only one was provided. Destination could not be determined");
    return std::nullopt;
  }
  Copy out;
  out.add = add;
  out.destination = std::move(words.back());
  words.pop_back();
  if (!json && heredoc_marker(out.destination.text)) {
    found.error(out.destination.span, name + " cannot accept a heredoc as a destination");
    return std::nullopt;
  }
  out.sources = std::move(words);
  out.heredocs = line.heredocs;
  out.from = flag("from");
  if (out.from && out.from->text.find('$') != std::string::npos)
    found.error(out.from->span,
                "variable expansion is not supported for --from, define a new stage with FROM using ARG from global "
                "scope as a workaround");
  out.chown = flag("chown");
  out.chmod = flag("chmod");
  out.excludes = all("exclude");
  out.checksum = flag("checksum");
  out.link = is_set("link");
  out.parents = is_set("parents");
  out.keep_git_dir = is_set("keep-git-dir");
  if (auto value = flag("unpack")) out.unpack = value->text == "true";
  return out;
}

std::optional<Operation> InstructionReader::arg() {
  Arg out;
  for (const Piece& piece : split_quoted(line.text, arguments, escape)) {
    const std::string text = line.text.substr(piece.begin, piece.end - piece.begin);
    const auto equals = text.find('=');
    ArgDeclaration one;
    one.name = word({piece.begin, equals == std::string::npos ? piece.end : piece.begin + equals});
    if (one.name.text.empty()) found.error(span(piece.begin, piece.end), "ARG names can not be blank");
    if (equals != std::string::npos) one.value = word({piece.begin + equals + 1, piece.end});
    out.names.push_back(std::move(one));
  }
  if (out.names.empty()) {
    fail("ARG requires at least one argument");
    return std::nullopt;
  }
  return out;
}

std::optional<Operation> InstructionReader::healthcheck() {
  if (!take_flags({"interval", "timeout", "start-period", "start-interval", "retries"}, {}, {})) return std::nullopt;
  Healthcheck out;
  const auto pieces = split_blank(line.text, arguments);
  if (pieces.empty()) {
    fail("HEALTHCHECK requires at least one argument");
    return std::nullopt;
  }
  std::string type = word(pieces[0]).text;
  for (char& c : type) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (type == "NONE") {
    out.none = true;
    if (pieces.size() > 1) fail("HEALTHCHECK NONE takes no arguments");
    return out;
  }
  if (type != "CMD") {
    found.error(word(pieces[0]).span, "Unknown type \"" + type + "\" in HEALTHCHECK (try CMD)");
    return std::nullopt;
  }
  arguments = pieces.size() > 1 ? pieces[1].begin : line.text.size();
  out.command = command();
  if (out.command.words.empty()) fail("Missing command after HEALTHCHECK CMD");
  const auto duration = [&](const std::string& name, std::optional<text::Duration>& into) {
    const auto value = flag(name);
    if (!value) return;
    const auto parsed = text::parse_duration(value->text);
    if (!parsed)
      found.error(value->span, "invalid duration `" + value->text + "` of --" + name, "as in 30s or 1m30s");
    else if (*parsed != text::Duration(0) && *parsed < std::chrono::milliseconds(1))
      found.error(value->span, "Interval \"" + name + "\" cannot be less than 1ms");
    else
      into = *parsed;
  };
  duration("interval", out.interval);
  duration("timeout", out.timeout);
  duration("start-period", out.start_period);
  duration("start-interval", out.start_interval);
  if (const auto value = flag("retries")) {
    int count = 0;
    const char* end = value->text.data() + value->text.size();
    const auto result = std::from_chars(value->text.data(), end, count);
    if (result.ec != std::errc() || result.ptr != end || count < 0)
      found.error(value->span, "--retries must be a number that is not negative");
    else
      out.retries = count;
  }
  return out;
}

std::optional<Operation> InstructionReader::operation(const std::string& name, bool trigger) {
  if (trigger && (name == "FROM" || name == "MAINTAINER" || name == "ONBUILD")) {
    fail(name == "ONBUILD" ? "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"
                           : name + " isn't allowed as an ONBUILD trigger");
    return std::nullopt;
  }
  if (name == "RUN") return run();
  if (name == "COPY" || name == "ADD") return copy(name == "ADD");
  if (name == "ARG") {
    if (!take_flags({}, {}, {})) return std::nullopt;
    return arg();
  }
  if (name == "HEALTHCHECK") return healthcheck();
  if (name != "ONBUILD" && !take_flags({}, {}, {})) return std::nullopt;
  while (arguments < line.text.size() && std::isspace(static_cast<unsigned char>(line.text[arguments]))) ++arguments;
  if (name == "ENV") {
    Env out;
    out.pairs = pairs(out.legacy);
    return out;
  }
  if (name == "LABEL") {
    Label out;
    out.pairs = pairs(out.legacy);
    return out;
  }
  if (name == "CMD") return Cmd{command()};
  if (name == "ENTRYPOINT") return Entrypoint{command()};
  if (name == "SHELL") {
    const Command form = command();
    if (form.shell_form)
      fail("SHELL requires the arguments to be in JSON form", "SHELL [\"/bin/bash\", \"-c\"]");
    else if (form.words.empty())
      fail("SHELL requires at least one argument");
    else
      return Shell{form.words};
    return std::nullopt;
  }
  if (name == "EXPOSE" || name == "VOLUME") {
    bool json = false;
    auto words = name == "VOLUME" ? list(json) : std::vector<Word>{};
    if (name == "EXPOSE")
      for (const Piece& piece : split_quoted(line.text, arguments, escape)) words.push_back(word(piece));
    if (words.empty()) {
      fail(name + " requires at least one argument");
      return std::nullopt;
    }
    if (name == "EXPOSE") return Expose{std::move(words)};
    for (const Word& each : words)
      if (each.text.empty()) fail("VOLUME specified can not be an empty string");
    return Volume{std::move(words)};
  }
  if (rest().empty()) {
    fail(name + " requires exactly one argument");
    return std::nullopt;
  }
  const Word whole_rest = word({arguments, arguments + rest().size()});
  if (name == "WORKDIR") return Workdir{whole_rest};
  if (name == "USER") return User{whole_rest};
  if (name == "STOPSIGNAL") return Stopsignal{whole_rest};
  if (name == "MAINTAINER") return Maintainer{whole_rest.text};
  Onbuild out{whole_rest.text};
  // The trigger is read now for its mistakes, and again where it fires.
  LogicalLine inner = line;
  inner.text = out.expression;
  for (auto& piece : inner.pieces) piece.offset = piece.offset > arguments ? piece.offset - arguments : 0;
  InstructionReader reader{source, inner, escape, found, 0, {}};
  if (!reader.read(true)) return std::nullopt;
  for (const Heredoc& heredoc : line.heredocs) out.expression += "\n" + heredoc.body + heredoc.name;
  return out;
}

}  // namespace berth::dockerfile
