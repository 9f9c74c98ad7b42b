#include "instructions.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "berth/text/suggest.hpp"

namespace berth::dockerfile {
namespace {

std::string upper_text(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

bool holds(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

const std::vector<std::string>& instruction_keywords() {
  static const std::vector<std::string> words{"ADD",    "ARG",   "CMD",         "COPY",  "ENTRYPOINT", "ENV",
                                              "EXPOSE", "FROM",  "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
                                              "RUN",    "SHELL", "STOPSIGNAL",  "USER",  "VOLUME",     "WORKDIR"};
  return words;
}

std::string InstructionReader::keyword() const { return line.text.substr(0, line.text.find_first_of(" \t\v\f\r")); }

Word InstructionReader::word(Piece piece) const {
  return {line.text.substr(piece.begin, piece.end - piece.begin), span(piece.begin, piece.end)};
}

std::string_view InstructionReader::rest() const {
  std::string_view text = std::string_view(line.text).substr(std::min(arguments, line.text.size()));
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

bool InstructionReader::take_flags(const std::vector<std::string>& known, const std::vector<std::string>& boolean,
                                   const std::vector<std::string>& repeatable) {
  flags = read_flags(line.text, arguments, escape);
  std::vector<std::string> names = known;
  names.insert(names.end(), boolean.begin(), boolean.end());
  std::set<std::string> seen;
  bool good = true;
  const auto wrong = [&](const Flag& at, std::string message, std::string hint = {}) {
    found.error(span(at.place.begin, at.place.end), std::move(message), std::move(hint));
    good = false;
  };
  for (Flag& each : flags) {
    if (!holds(names, each.name)) {
      const auto near = text::nearest(each.name, names);
      wrong(each, "unknown flag: --" + each.name, near ? "did you mean `--" + *near + "`?" : "");
    } else if (!seen.insert(each.name).second && !holds(repeatable, each.name)) {
      wrong(each, "duplicate flag specified: --" + each.name);
    } else if (holds(boolean, each.name)) {
      std::string value = each.value.value_or("true");
      for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (value != "true" && value != "false")
        wrong(each, "expecting boolean value for flag --" + each.name + ", not: " + value);
      each.value = value;
    } else if (!each.value) {
      wrong(each, "missing a value on flag: --" + each.name);
    }
  }
  return good;
}

std::vector<Word> InstructionReader::all(const std::string& name) const {
  std::vector<Word> out;
  for (const Flag& each : flags)
    if (each.name == name) out.push_back({each.value.value_or(""), span(each.place.begin, each.place.end)});
  return out;
}

std::optional<Word> InstructionReader::flag(const std::string& name) const {
  auto words = all(name);
  if (words.empty()) return std::nullopt;
  return words.back();
}

bool InstructionReader::is_set(const std::string& name) const {
  const auto value = flag(name);
  return value && value->text == "true";
}

std::vector<Word> InstructionReader::list(bool& json) {
  std::vector<std::string> strings;
  json = false;
  switch (read_json_list(rest(), strings)) {
    case JsonForm::WrongTypes:
      fail("when using JSON array syntax, arrays must be comprised of strings only");
      return {};
    case JsonForm::Strings: {
      json = true;
      std::vector<Word> out;
      for (auto& each : strings) out.push_back({std::move(each), span(arguments, line.text.size())});
      return out;
    }
    case JsonForm::NotJson: break;
  }
  std::vector<Word> out;
  for (const Piece& piece : split_blank(line.text, arguments)) out.push_back(word(piece));
  return out;
}

Command InstructionReader::command() {
  Command out;
  switch (read_json_list(rest(), out.words)) {
    case JsonForm::WrongTypes: fail("when using JSON array syntax, arrays must be comprised of strings only"); break;
    case JsonForm::Strings: break;
    case JsonForm::NotJson:
      out.words.clear();
      out.shell_form = true;
      if (!rest().empty()) out.words.emplace_back(rest());
      break;
  }
  return out;
}

std::vector<KeyValue> InstructionReader::pairs(bool& legacy) {
  std::vector<KeyValue> out;
  const std::string name = upper_text(keyword());
  const auto pieces = split_quoted(line.text, arguments, escape);
  if (pieces.empty()) {
    fail(name + " requires at least one argument");
    return out;
  }
  const Word first = word(pieces[0]);
  legacy = first.text.find('=') == std::string::npos;
  if (legacy) {
    // `ENV K the rest of the line`
    if (pieces.size() < 2) {
      fail(name + " must have two arguments");
      return out;
    }
    const std::size_t end = arguments + rest().size();
    out.push_back({first, word({pieces[1].begin, std::max(end, pieces[1].begin)})});
    return out;
  }
  for (const Piece& piece : pieces) {
    const std::string text = line.text.substr(piece.begin, piece.end - piece.begin);
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      found.error(span(piece.begin, piece.end),
                  "Syntax error - can't find = in \"" + text + "\". Must be of the form: name=value",
                  "quote a value that holds blanks: NAME=\"a b\"");
      continue;
    }
    if (equals == 0) {
      found.error(span(piece.begin, piece.end), name + " names can not be blank");
      continue;
    }
    KeyValue pair{word({piece.begin, piece.begin + equals}), word({piece.begin + equals + 1, piece.end})};
    out.push_back(std::move(pair));
  }
  return out;
}

std::set<std::string> checks_skipped_by(const std::vector<std::string>& comments) {
  std::set<std::string> out;
  for (const std::string& comment : comments) {
    const auto at = comment.find("check=skip=");
    if (at != 0) continue;
    std::string name;
    for (char c : comment.substr(11) + ",") {
      if (c == ',') {
        if (!name.empty()) out.insert(std::exchange(name, {}));
      } else if (c == ';' || c == ' ')
        break;
      else
        name += c;
    }
    if (!name.empty()) out.insert(name);
  }
  return out;
}

std::optional<Instruction> InstructionReader::read(bool trigger) {
  const std::string written = keyword();
  Instruction out;
  out.keyword_as_written = written;
  out.keyword = upper_text(written);
  out.span = whole();
  out.keyword_span = span(0, written.size());
  out.skipped_checks = checks_skipped_by(line.comments);
  if (!holds(instruction_keywords(), out.keyword)) {
    const auto near = text::nearest(out.keyword, instruction_keywords());
    found.error(out.keyword_span, "unknown instruction: " + out.keyword, near ? "did you mean `" + *near + "`?" : "");
    return std::nullopt;
  }
  arguments = written.size();
  auto parsed = operation(out.keyword, trigger);
  if (!parsed) return std::nullopt;
  out.operation = std::move(*parsed);
  out.original = line.text;
  while (!out.original.empty() && std::isspace(static_cast<unsigned char>(out.original.back())))
    out.original.pop_back();
  return out;
}

std::optional<Stage> InstructionReader::read_from() {
  arguments = keyword().size();
  if (!take_flags({"platform"}, {}, {})) return std::nullopt;
  Stage out;
  out.span = whole();
  out.from_keyword = {keyword(), span(0, keyword().size())};
  out.skipped_checks = checks_skipped_by(line.comments);
  out.platform = flag("platform");
  const auto pieces = split_quoted(line.text, arguments, escape);
  if ((pieces.size() != 1 && pieces.size() != 3) || (pieces.size() == 3 && upper_text(word(pieces[1]).text) != "AS")) {
    fail("FROM requires either one or three arguments", pieces.size() == 2 ? "FROM image AS name" : "");
    return std::nullopt;
  }
  out.base = word(pieces[0]);
  if (pieces.size() == 3) {
    out.as_keyword = word(pieces[1]).text;
    out.name_as_written = word(pieces[2]);
    out.name = out.name_as_written.text;
    for (char& c : out.name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool good = !out.name.empty() && out.name[0] >= 'a' && out.name[0] <= 'z' &&
                      out.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos;
    if (!good)
      found.error(out.name_as_written.span, "invalid name for build stage: \"" + out.name_as_written.text +
                                                "\", name can't start with a number or contain symbols");
  }
  for (const std::string& comment : line.comments)
    if (!out.name.empty() && comment.starts_with(out.name + " ")) out.description = comment.substr(out.name.size() + 1);
  return out;
}

}  // namespace berth::dockerfile
