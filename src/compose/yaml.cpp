// YAML text to trees, by yaml-cpp's events: anchors are copied in (bounded), `<<` is merged, duplicate keys are
// refused. Trap: yaml-cpp counts columns in bytes and gives a node's start only; ends are computed from the source
// line.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "passes.hpp"
#include "yaml_hints.hpp"

namespace berth::compose {

namespace {

constexpr std::size_t kSpareNodes = 50'000;  // beyond what the text itself may hold: for anchors that are copied in
constexpr std::size_t kMaxFileSize = 4u << 20, kMaxAllFiles = 8u << 20;

struct YamlFailure {
  YAML::Mark mark;
  Code code;
  std::string message;
  std::string hint = {};
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(LoadState& state, std::uint32_t file) : state_(state), file_(file) {}

  std::vector<Node> documents;
  YAML::Mark last_quoted = YAML::Mark::null_mark();

  void OnDocumentStart(const YAML::Mark& mark) override {
    // Trap: what is indented less than the first key begins another document for yaml-cpp.
    if (++started_ > 1 && !rest_of_line(mark).starts_with("---"))
      throw YamlFailure{mark, Code::YamlSyntax, "not YAML: what stands here belongs to nothing above it"};
    anchors_.clear();
    stack_.clear();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.place = place(mark, 1);
    finish(std::move(node), mark, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw YamlFailure{mark, Code::AnchorCycle, "this anchor refers to itself"};
    count(found->second.second, mark);
    Node copy = found->second.first;
    state_.derive(copy, Origin::Kind::Alias, name_place(mark), "the anchor is used here");
    finish(std::move(copy), mark, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = Node::of(as_utf8(value));
    node.place = place(mark, value.size());
    if (tag == "!") last_quoted = mark;
    node.plain = tag == "?" || ((tag == "!reset" || tag == "!override") && is_plain_after_tag(mark));
    set_tag(node, tag);
    if (node.plain) resolve_plain(node);
    if (!resolve_tagged(node, tag))
      throw YamlFailure{mark, tag.ends_with(":binary") ? Code::BadBase64 : Code::WrongType,
                        tag.ends_with(":binary")
                            ? "`!!binary` is followed by base64"
                            : "`" + value + "` is not what its tag `!!" + tag.substr(tag.rfind(':') + 1) + "` says"};
    finish(std::move(node), mark, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::list(), mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::map(), mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    bool has_key = false;
    std::string key = {};
    Place key_place = {};
    std::vector<Node> merges = {};  // what `<<` named
    std::map<std::string, Place> seen = {};
  };

  static void set_tag(Node& node, const std::string& tag) {
    if (tag == "!reset") node.tag = NodeTag::Reset;
    if (tag == "!override") node.tag = NodeTag::Override;
  }

  static std::uint32_t points(std::string_view bytes) {
    std::uint32_t count = 0;
    for (const unsigned char c : bytes) count += (c & 0xc0) != 0x80;
    return count;
  }

  // Code points before a byte of a line; they are counted once, as the marks mostly go forward.
  std::uint32_t points_before(std::uint32_t number, std::string_view line, std::size_t byte) {
    if (number != counted_line_ || byte < counted_bytes_) counted_line_ = number, counted_bytes_ = 0, counted_ = 0;
    counted_ += points(line.substr(counted_bytes_, byte - counted_bytes_));
    counted_bytes_ = byte;
    return counted_;
  }

  Place place(const YAML::Mark& mark, std::size_t length) {
    if (mark.is_null()) return {file_, 1, 1, 1, 2, 0};
    const auto line_number = static_cast<std::uint32_t>(mark.line + 1);
    const std::string_view line = state_.sources[file_ - 1]->line(line_number);
    const std::size_t begin = std::min<std::size_t>(static_cast<std::size_t>(mark.column), line.size());
    std::size_t end = std::min(line.size(), begin + std::max<std::size_t>(length, 1));
    if (begin < line.size() && (line[begin] == '"' || line[begin] == '\'')) {
      const std::size_t quote = line.find(line[begin], begin + 1);
      end = quote == std::string_view::npos ? line.size() : quote + 1;
    }
    const std::uint32_t column = points_before(line_number, line, begin) + 1;
    return {file_,
            line_number,
            column,
            line_number,
            column + std::max<std::uint32_t>(points(line.substr(begin, end - begin)), 1),
            0};
  }

  std::string_view rest_of_line(const YAML::Mark& mark) const {
    const std::string_view line = state_.sources[file_ - 1]->line(static_cast<std::uint32_t>(mark.line + 1));
    return line.substr(std::min<std::size_t>(static_cast<std::size_t>(mark.column), line.size()));
  }

  // Whether neither a quote nor a block begins behind the tag at `mark`.
  bool is_plain_after_tag(const YAML::Mark& mark) const {
    const std::string_view line = rest_of_line(mark);
    const std::size_t value = line.find_first_not_of(" \t", std::min(line.find_first_of(" \t"), line.size()));
    return value == std::string_view::npos || std::string_view("\"'|>").find(line[value]) == std::string_view::npos;
  }

  // Of `*name`.
  Place name_place(const YAML::Mark& mark) {
    const std::string_view line = state_.sources[file_ - 1]->line(static_cast<std::uint32_t>(mark.line + 1));
    const std::size_t begin = std::min<std::size_t>(static_cast<std::size_t>(mark.column), line.size());
    const std::size_t end = line.find_first_of(" \t,]}", begin);
    return place(mark, std::min(end, line.size()) - begin);
  }

  void count(std::size_t nodes, const YAML::Mark& mark) {
    const std::size_t most = kSpareNodes + 2 * state_.bytes;
    state_.nodes += nodes;
    if (state_.nodes > most)
      throw YamlFailure{mark, Code::LimitExceeded,
                        "the files have more than " + std::to_string(most) + " values once their anchors are expanded"};
  }

  void open(Node node, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    node.place = place(mark, 1);
    set_tag(node, tag);
    if (!stack_.empty() && stack_.back().node.is_map() && !stack_.back().has_key) {
      const bool braces = state_.sources[file_ - 1]->line(node.place.line).find("{{") != std::string_view::npos;
      throw YamlFailure{mark, Code::KeyNotText, "a key must be a string, not a list or map",
                        braces ? "a text that begins with `{` stands in quotes: \"{{ … }}\"" : ""};
    }
    stack_.push_back({.node = std::move(node), .mark = mark, .anchor = anchor});
  }

  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    for (auto& merged : done.merges)
      for (std::size_t i = 0; i < merged.fields.size(); ++i) {
        if (!done.seen.emplace(merged.fields[i].first, merged.key_places[i]).second) continue;
        done.node.fields.push_back(std::move(merged.fields[i]));
        done.node.key_places.push_back(merged.key_places[i]);
      }
    finish(std::move(done.node), done.mark, done.anchor);
  }

  void finish(Node node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    count(1, mark);
    if (anchor) anchors_[anchor] = {node, count_nodes(node)};
    if (stack_.empty()) {
      documents.push_back(std::move(node));
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.is_list())
      parent.node.items.push_back(std::move(node));
    else if (!parent.has_key)
      take_key(parent, node, mark);
    else
      take_value(parent, std::move(node), mark);
  }

  // The innermost map is an item of a list.
  bool in_list() const { return stack_.size() > 1 && stack_[stack_.size() - 2].node.is_list(); }

  void take_key(Open& parent, const Node& key, const YAML::Mark& mark) {
    if (!key.is_string()) {
      if (!key.is_scalar()) throw YamlFailure{mark, Code::KeyNotText, "a key must be a string, not a list or map"};
      const bool pair = key.is(NodeKind::Int) && in_list();
      state_.error(
          key.place, Code::KeyNotText, "key `" + key.text + "` is not a string",
          pair ? "a port is written without the space, in quotes: \"" + key.text + ":…\"" : "write it in quotes");
    }
    parent.has_key = true;
    parent.key = key.text;
    parent.key_place = key.place;
  }

  void take_value(Open& parent, Node node, const YAML::Mark& mark) {
    parent.has_key = false;
    if (parent.key == "<<") return take_merge(parent, std::move(node), mark);
    if (const auto [before, fresh] = parent.seen.emplace(parent.key, parent.key_place); !fresh) {
      auto twice = state_.diagnostic(text::Severity::Error, parent.key_place, Code::DuplicateKey,
                                     "key `" + parent.key + "` appears twice in this map", "keep one of the two");
      twice.notes.push_back({state_.span(before->second), "it is first given here"});
      state_.diagnostics.add(std::move(twice));
      return;
    }
    // What is nothing begins, for the reader, with whatever comes next.
    if (node.is_null() && node.place.line != parent.key_place.line) node.place = parent.key_place;
    parent.node.key_places.push_back(parent.key_place);
    parent.node.fields.push_back({std::move(parent.key), std::move(node)});
  }

  void take_merge(Open& parent, Node node, const YAML::Mark& mark) {
    if (node.is_map()) return parent.merges.push_back(std::move(node));
    if (node.is_list()) {
      for (auto& item : node.items) {
        if (!item.is_map()) throw YamlFailure{mark, Code::MergeNotMap, "`<<` merges maps only"};
        parent.merges.push_back(std::move(item));
      }
      return;
    }
    if (!node.is_null())
      throw YamlFailure{mark, Code::MergeNotMap, "`<<` merges maps only",
                        node.is_string() && !node.text.empty() ? "an anchor is named with a star: *" + node.text : ""};
  }

  LoadState& state_;
  std::uint32_t file_;
  std::uint32_t counted_line_ = 0, counted_ = 0;
  std::size_t counted_bytes_ = 0;
  int started_ = 0;  // documents
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, std::pair<Node, std::size_t>> anchors_;
};

// Trap: yaml-cpp takes the end of the file for the end of a quote. `mark` is the last that began.
bool is_unclosed(const text::SourceFile& file, const YAML::Mark& mark) {
  const auto first = static_cast<std::uint32_t>(mark.line + 1);
  std::size_t at = static_cast<std::size_t>(mark.column);
  if (at >= file.line(first).size()) return false;
  const char quote = file.line(first)[at++];
  if (quote != '"' && quote != '\'') return false;
  for (std::uint32_t number = first; number <= file.line_count(); ++number, at = 0) {
    const std::string_view line = file.line(number);
    for (; at < line.size(); ++at) {
      if (line[at] == '\\' && quote == '"')
        ++at;
      else if (line[at] == quote && quote == '\'' && at + 1 < line.size() && line[at + 1] == quote)
        ++at;
      else if (line[at] == quote)
        return false;
    }
  }
  return true;
}

}  // namespace

std::size_t count_nodes(const Node& node) {
  std::size_t count = 1 + node.text.size() / 64;
  for (const auto& item : node.items) count += count_nodes(item);
  for (const auto& [key, value] : node.fields) count += count_nodes(value);
  return count;
}

std::vector<Node> parse_yaml(LoadState& state, const std::string& shown_path, std::string content) {
  if (content.starts_with("\xef\xbb\xbf")) content.erase(0, 3);
  // Trap: yaml-cpp knows no line that ends in a carriage return alone.
  for (std::size_t at = content.find('\r'); at != std::string::npos; at = content.find('\r', at + 1))
    if (at + 1 == content.size() || content[at + 1] != '\n') content[at] = '\n';
  const bool readable =
      content.size() <= kMaxFileSize && content.find('\0') == std::string::npos && valid_utf8(content);
  const std::uint32_t file = state.add_source(shown_path, readable ? content : std::string());
  if (!readable) {
    state.incomplete = true;
    const bool large = content.size() > kMaxFileSize;
    state.error({file, 0, 0, 0, 0, 0}, large ? Code::LimitExceeded : Code::NotUtf8,
                large ? "the file is larger than 4 MiB" : "the file is not UTF-8 text",
                large ? "" : "save it as UTF-8");
    return {};
  }
  if (state.counted.insert(shown_path).second) state.bytes += content.size();
  if (state.bytes > kMaxAllFiles) {
    state.incomplete = true;
    state.error({file, 0, 0, 0, 0, 0}, Code::LimitExceeded, "the files are larger than 8 MiB together");
    return {};
  }
  TreeBuilder builder(state, file);
  const auto fail = [&](const YAML::Mark& mark, Code code, const std::string& message, std::string hint = {}) {
    const text::SourceFile& source = *state.sources[file - 1];
    state.incomplete = true;
    const auto line = static_cast<std::uint32_t>(mark.is_null() ? 1 : mark.line + 1);
    const auto column = static_cast<std::uint32_t>(mark.is_null() ? 1 : mark.column + 1);
    if (const std::uint32_t tab = code == Code::YamlSyntax ? line_with_tab(source, line) : 0) {
      const auto at = static_cast<std::uint32_t>(indent_of(source.line(tab)) + 1);
      const auto end = static_cast<std::uint32_t>(source.line(tab).find_first_not_of(" \t") + 1);
      return state.error({file, tab, at, tab, std::max(end, at + 1), 0}, Code::TabIndentation,
                         "the line is indented with a tab",
                         "indent with spaces; YAML does not allow tabs there" + other_tabs(source, tab));
    }
    if (hint.empty() && code == Code::YamlSyntax)
      hint = hint_for_line(source, {.line = line, .column = column}, message);
    state.error({file, line, column, line, column + 1, 0}, code, message, std::move(hint));
  };
  try {
    std::istringstream stream(content);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {}
    if (!builder.last_quoted.is_null() && is_unclosed(*state.sources[file - 1], builder.last_quoted))
      fail(builder.last_quoted, Code::YamlSyntax, "not YAML: this quote is never closed",
           "close it where the text ends");
  } catch (const YamlFailure& failure) {
    fail(failure.mark, failure.code, failure.message, failure.hint);
  } catch (const YAML::Exception& failure) {
    const bool deep = failure.msg == "bad file";
    fail(failure.mark, deep ? Code::LimitExceeded : Code::YamlSyntax,
         deep ? "lists and maps are nested too deeply" : "not YAML: " + failure.msg);
  }
  return std::move(builder.documents);
}

}  // namespace berth::compose
