#include <gtest/gtest.h>

#include "berth/dockerfile/dockerfile.hpp"
#include "berth/dockerfile/graph.hpp"
#include "berth/dockerfile/mode.hpp"
#include "berth/dockerfile/mount.hpp"
#include "berth/dockerfile/platform.hpp"

namespace berth::dockerfile {
namespace {

Dockerfile read(const std::string& text) {
  text::Diagnostics found;
  auto file = parse(text, "Dockerfile", found);
  for (const auto& each : found.all())
    if (each.severity == text::Severity::Error) ADD_FAILURE() << text::render(each);
  return file;
}

std::string first_error(const std::string& text) {
  text::Diagnostics found;
  const auto file = parse(text, "Dockerfile", found);
  if (!found.has_errors()) make_graph(file, {}, found);
  for (const auto& each : found.all())
    if (each.severity == text::Severity::Error) return each.span.to_string() + " " + each.message;
  return "";
}

template <class T>
const T& step(const Dockerfile& file, std::size_t index, std::size_t stage = 0) {
  return std::get<T>(file.stages.at(stage).instructions.at(index).operation);
}

TEST(Parse, JoinsContinuationsAndDropsCommentsAndEmptyLinesInside) {
  const auto file = read("FROM a\nRUN one && \\\n  # comment\n\n   two \\  \n  three\n");
  EXPECT_EQ(step<::berth::dockerfile::Run>(file, 0).command.words.at(0), "one &&    two   three");
  EXPECT_EQ(file.stages[0].instructions[0].span.line, 2u);
  EXPECT_EQ(file.stages[0].instructions[0].span.end_line, 6u);
}

TEST(Parse, TreatsAnEscapedEscapeAsNoContinuation) {
  const auto file = read("FROM a\nRUN foo \\\\\nRUN bar\n");
  EXPECT_EQ(file.stages[0].instructions.size(), 2u);
}

TEST(Parse, HonoursTheEscapeDirective) {
  const auto file = read("# escape=`\nFROM a\nRUN one `\n two\nCOPY c:\\x d:\\\n");
  EXPECT_EQ(step<::berth::dockerfile::Run>(file, 0).command.words.at(0), "one  two");
  EXPECT_EQ(step<Copy>(file, 1).destination.text, "d:\\");
}

TEST(Parse, FallsBackToShellFormWhereJsonIsNotValid) {
  const auto file = read("FROM a\nCMD ['x']\nCMD [\"x\", \"y\"]\n");
  EXPECT_TRUE(step<Cmd>(file, 0).command.shell_form);
  EXPECT_EQ(step<Cmd>(file, 1).command.words, (std::vector<std::string>{"x", "y"}));
}

TEST(Parse, KeepsHeredocBodiesAndTheirQuoting) {
  const auto file = read("FROM a\nCOPY <<one <<-'two' /d/\n1 $x\none\n\t2 $y\n\ttwo\nRUN echo\n");
  const auto& copy = step<Copy>(file, 0);
  ASSERT_EQ(copy.heredocs.size(), 2u);
  EXPECT_EQ(copy.heredocs[0].body, "1 $x\n");
  EXPECT_TRUE(copy.heredocs[0].expand);
  EXPECT_EQ(copy.heredocs[1].body, "2 $y\n");
  EXPECT_FALSE(copy.heredocs[1].expand);
  EXPECT_EQ(file.stages[0].instructions.size(), 2u);
}

TEST(Parse, ReadsFlagsAndStopsAtDoubleDash) {
  const auto file = read("FROM a\nCOPY --from=b --chown=\"u:g\" -- --x /y\n");
  const auto& copy = step<Copy>(file, 0);
  EXPECT_EQ(copy.from->text, "b");
  EXPECT_EQ(copy.chown->text, "u:g");
  EXPECT_EQ(copy.sources.at(0).text, "--x");
}

TEST(Parse, ReadsBothFormsOfEnv) {
  const auto file = read("FROM a\nENV K some value here\nENV A=1 B=\"2 3\"\n");
  EXPECT_EQ(step<Env>(file, 0).pairs.at(0).value.text, "some value here");
  EXPECT_EQ(step<Env>(file, 1).pairs.at(1).value.text, "\"2 3\"");
}

TEST(Parse, NamesWhatIsWrongAndWhere) {
  EXPECT_EQ(first_error(""), "Dockerfile:1:1 the Dockerfile cannot be empty");
  EXPECT_EQ(first_error("# x\n"), "Dockerfile:1:1 file with no instructions");
  EXPECT_EQ(first_error("FORM a\n"), "Dockerfile:1:1 unknown instruction: FORM");
  EXPECT_EQ(first_error("RUN x\n"), "Dockerfile:1:1 no build stage in current context");
  EXPECT_EQ(first_error("ARG x\n"), "Dockerfile:1:1 dockerfile contains no stages to build");
  EXPECT_EQ(first_error("FROM a\nCOPY --form=b x y\n"), "Dockerfile:2:6 unknown flag: --form");
  EXPECT_EQ(first_error("FROM a\nENV A=1 B\n"),
            "Dockerfile:2:9 Syntax error - can't find = in \"B\". Must be of the form: name=value");
  EXPECT_EQ(first_error("FROM a\nRUN <<EOF\nx\n"), "Dockerfile:2:1 unterminated heredoc `EOF`");
  EXPECT_EQ(first_error("FROM a AS 1x\n"),
            "Dockerfile:1:11 invalid name for build stage: \"1x\", name can't start with a number or contain symbols");
  EXPECT_EQ(first_error("FROM a\nCMD [1]\n"),
            "Dockerfile:2:1 when using JSON array syntax, arrays must be comprised of strings only");
  EXPECT_EQ(first_error("FROM $X\n"), "Dockerfile:1:6 base name ($X) should not be blank");
  EXPECT_EQ(first_error("FROM a\nCOPY --from=1 x y\nFROM b\n"),
            "Dockerfile:2:6 cannot copy from stage \"1\", it needs to be defined before current stage \"0\"");
  EXPECT_EQ(first_error("FROM a\nONBUILD FROM b\n"), "Dockerfile:2:1 FROM isn't allowed as an ONBUILD trigger");
}

TEST(Parse, KnowsAHeredocThatIsTheWholeCommand) {
  const auto file =
      read("FROM a\nRUN <<EOF\nx\nEOF\nRUN <<-'E' \n\tx\n\tE\nRUN cat <<EOF\nx\nEOF\nRUN <<A <<B cat\nA\nB\n");
  std::string scripts;
  for (std::size_t i = 0; i < 4; ++i) scripts += step<::berth::dockerfile::Run>(file, i).script ? "y" : "n";
  EXPECT_EQ(scripts, "yynn");
}

TEST(Parse, KnowsWhichFrontEndsReadThisLanguage) {
  for (const char* known : {"docker/dockerfile", "docker/dockerfile:1.7-labs",
                            "docker.io/docker/dockerfile-upstream:master", "mirror:5000/docker/dockerfile:1@sha256:ab"})
    EXPECT_TRUE(is_known_syntax(known)) << known;
  for (const char* other : {"example.com/buildpacks", "docker/dockerfile-x", "dockerfile:1/other"})
    EXPECT_FALSE(is_known_syntax(other)) << other;
}

TEST(Mode, ReadsOctalAndSymbolicModes) {
  const auto applied = [](const char* text, unsigned mode, bool directory = false) {
    return must(FileMode::parse(text)).applied_to(mode, directory);
  };
  EXPECT_EQ(applied("0755", 0600), 0755u);
  EXPECT_EQ(applied("4711", 0600), 04711u);
  EXPECT_EQ(applied("u=rwX,go=rX", 0600), 0644u);
  EXPECT_EQ(applied("u=rwX,go=rX", 0700), 0755u);
  EXPECT_EQ(applied("u=rwX,go=rX", 0600, true), 0755u);
  EXPECT_EQ(applied("+x", 0644), 0755u);
  EXPECT_EQ(applied("a-w,u+w", 0666), 0644u);
  EXPECT_EQ(applied("g=u", 0750), 0770u);
  EXPECT_EQ(applied("u+s,+t", 0755), 05755u);
  EXPECT_EQ(applied("o=", 0777), 0770u);
  EXPECT_EQ(applied("u+r-x", 0100), 0400u);
  for (const char* wrong : {"", "999", "17777", "rwx", "u", "u=q", "u=r,,g=r", "u=r,", "8", "0x1"})
    EXPECT_FALSE(FileMode::parse(wrong)) << wrong;
}

TEST(Platform, FillsInAndNamesAlike) {
  const auto normal = [](const char* text) { return must(normal_platform(text, "linux/amd64")); };
  EXPECT_EQ(normal("linux"), "linux/amd64");
  EXPECT_EQ(normal("amd64"), "linux/amd64");
  EXPECT_EQ(normal("Linux/x86_64"), "linux/amd64");
  EXPECT_EQ(normal("linux/arm64/v8"), "linux/arm64");
  EXPECT_EQ(normal("arm"), "linux/arm/v7");
  EXPECT_EQ(normal("linux/arm/v6"), "linux/arm/v6");
  EXPECT_EQ(must(normal_platform("linux", "linux/arm/v7")), "linux/arm/v7");
  for (const char* wrong : {"", "/", "linux/", "a/b/c/d", "nonsense", "li nux/amd64"})
    EXPECT_FALSE(normal_platform(wrong, "linux/amd64")) << wrong;
}

TEST(Graph, BuildsOnlyWhatTheTargetNeedsInOrder) {
  const auto file = read(
      "ARG V=1\nFROM base:$V AS one\nFROM x AS unused\nFROM one AS two\nFROM scratch\nCOPY --from=two /a /b\nRUN "
      "--mount=from=0,target=/m y\n");
  text::Diagnostics found;
  const auto graph = make_graph(file, {}, found);
  ASSERT_TRUE(graph);
  EXPECT_EQ(graph->order, (std::vector<std::size_t>{0, 2, 3}));
  EXPECT_EQ(graph->nodes[0].base.image, "base:1");
  EXPECT_EQ(graph->nodes[3].base.kind, StageSource::Kind::Scratch);
}

TEST(Graph, SuggestsTheTargetThatWasMeant) {
  const auto file = read("FROM a AS builder\n");
  text::Diagnostics found;
  GraphRequest request;
  request.target = "bilder";
  EXPECT_FALSE(make_graph(file, request, found));
  EXPECT_EQ(found.all().at(0).hint, "did you mean `builder`?");
}

TEST(Graph, LetsBuildArgumentsOverrideGlobalDefaults) {
  const auto file = read("ARG V=1\nARG W=v$V\nFROM i:$W\n");
  text::Diagnostics found;
  GraphRequest request;
  request.build_args = {{"V", "2"}};
  EXPECT_EQ(make_graph(file, request, found)->nodes[0].base.image, "i:v2");
}

TEST(Graph, TakesAdditionalContextsForImagesAndStages) {
  const auto file = read(
      "FROM docker.io/library/alpine:latest AS one\nFROM nowhere AS two\nFROM two\nCOPY --from=Three a b\n"
      "COPY --from=two a b\nCOPY --from=1 a b\nRUN --mount=from=alpine,target=/x y\n");
  text::Diagnostics found;
  GraphRequest request;
  request.contexts = {"alpine", "two", "three"};
  const auto graph = make_graph(file, request, found);
  ASSERT_TRUE(graph);
  using Kind = StageSource::Kind;
  EXPECT_EQ(graph->nodes[0].base, (StageSource{Kind::Context, 0, "alpine"}));
  EXPECT_TRUE(graph->nodes[1].replaced);
  EXPECT_EQ(graph->nodes[2].base, (StageSource{Kind::Stage, 1, ""}));
  EXPECT_TRUE(graph->nodes[2].images.empty());
  EXPECT_EQ(graph->order, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(*resolve_from(file, request.contexts, 2, {"1", {}}, found), (StageSource{Kind::Context, 0, "two"}));
  EXPECT_EQ(*resolve_from(file, request.contexts, 2, {"0", {}}, found), (StageSource{Kind::Stage, 0, ""}));
  EXPECT_EQ(context_name("docker.io/grafana/x:latest"), "grafana/x");
  EXPECT_EQ(context_name("quay.io/x:1"), "quay.io/x:1");
}

TEST(Mount, ReadsEveryKindAndRefusesWhatIsNotAllowed) {
  const auto cache = parse_run_mount("type=cache,target=/c,sharing=locked,uid=5", '\\', {});
  ASSERT_TRUE(cache);
  EXPECT_EQ(cache->sharing, CacheSharing::Locked);
  EXPECT_FALSE(cache->read_only);
  EXPECT_TRUE(parse_run_mount("target=/x,rw", '\\', {}));
  EXPECT_EQ(parse_run_mount("target=/", '\\', {}).error().to_string(), "invalid mount target \"/\"");
  EXPECT_EQ(parse_run_mount("target=/x,mode=1", '\\', {}).error().to_string(),
            "mode not allowed for \"bind\" type mounts");
  EXPECT_EQ(parse_run_mount("type=cache,taget=/x", '\\', {}).error().to_string(),
            "unexpected key 'taget' in 'taget=/x' (did you mean target?)");
}

}  // namespace
}  // namespace berth::dockerfile
