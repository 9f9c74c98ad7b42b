// COPY and ADD: what is taken, under which name, with which owner and mode.
#include "build_fixture.hpp"

namespace berth::build {
namespace {

class BuildCopy : public Build {
 protected:
  void SetUp() override {
    Build::SetUp();
    if (IsSkipped()) return;
    file("src/main.c", "m");
    file("src/x/n.c", "n");
    file("src/x/y/o.c", "o");
    file("src/README.md", "r");
    file("top.txt", "t");
  }
  std::string found_after(const std::string& instruction) {
    good("FROM busybox\n" + instruction + "\nRUN cd /out && find . -type f -o -type l\n");
    std::set<std::string> lines;
    std::istringstream in(output_);
    for (std::string line; std::getline(in, line);) lines.insert(line);
    std::string out;
    for (const auto& line : lines) out += (out.empty() ? "" : " ") + line;
    return out;
  }
};

TEST_F(BuildCopy, KeepsParentsFromThePivotOn) {
  EXPECT_EQ(found_after("COPY --parents src/x/n.c top.txt /out"), "./src/x/n.c ./top.txt");
  EXPECT_EQ(found_after("COPY --parents src/./x/y/o.c /out/"), "./x/y/o.c");
  EXPECT_EQ(found_after("COPY --parents src/**/*.c /out"), "./src/main.c ./src/x/n.c ./src/x/y/o.c");
  EXPECT_EQ(found_after("COPY --parents --exclude=**/y ./src/./**/*.c /out"), "./main.c ./x/n.c");
  EXPECT_EQ(found_after("COPY --parents src/x /out"), "./src/x/n.c ./src/x/y/o.c");
  EXPECT_EQ(found_after("COPY --parents nothing* top.txt /out"), "./top.txt");
  EXPECT_FALSE(run("FROM busybox\nCOPY --parents src/none.c /out/\n"));
  EXPECT_NE(failure_.find("2:16: error: \"/src/none.c\": not found"), std::string::npos) << failure_;
}

TEST_F(BuildCopy, KeepsParentsOfAStageToo) {
  good(
      "FROM busybox AS one\nCOPY src /s/src\nFROM busybox\nCOPY --from=one --parents /s/./**/*.md /s/src/main.c /out/\n"
      "RUN cd /out && cat src/README.md s/src/main.c && test ! -e src/x\n");
  EXPECT_EQ(output_, "rm\n");
  EXPECT_FALSE(run("FROM busybox AS one\nFROM busybox\nCOPY --from=one --parents /etc/none /out/\n"));
  EXPECT_NE(failure_.find("\"/etc/none\": not found"), std::string::npos) << failure_;
}

TEST_F(BuildCopy, LeavesOutWhatIsExcludedAndDoesNotLookAtIt) {
  EXPECT_EQ(found_after("COPY --exclude=*.md --exclude=x/y src /out"), "./main.c ./x/n.c");
  EXPECT_EQ(found_after("COPY --exclude=*.txt * /out/"), "./README.md ./main.c ./x/n.c ./x/y/o.c");
  const std::string text = "FROM busybox\nCOPY --exclude=*.md src /out\n";
  good(text);
  file("src/README.md", "changed");
  good(text);
  EXPECT_TRUE(steps_.empty()) << "an excluded file changed, nothing else";
  file("src/x/n.c", "changed");
  good(text);
  EXPECT_EQ(steps_.size(), 1u);
}

TEST_F(BuildCopy, FollowsASourceThatIsALinkAndSeesWhenItsTargetChanges) {
  fs::create_symlink("top.txt", dir_ + "/context/link");
  fs::create_directory_symlink("src/x", dir_ + "/context/dir");
  const std::string text =
      "FROM busybox\nCOPY link dir/n.c /out/\nCOPY dir /out/d\nRUN cat /out/link /out/n.c /out/d/y/o.c\n";
  good(text);
  EXPECT_EQ(output_, "tno\n");
  file("top.txt", "T");
  file("src/x/n.c", "N");
  good(text);
  EXPECT_EQ(output_, "TNo\n");
  file(".dockerignore", "top.txt\n");
  EXPECT_FALSE(run("FROM busybox\nCOPY link /out/\n"));
  EXPECT_NE(failure_.find("`top.txt` is excluded by .dockerignore"), std::string::npos) << failure_;
}

TEST_F(BuildCopy, TakesFilesFromAdditionalContexts) {
  fs::create_directories(dir_ + "/shared/lib");
  std::ofstream(dir_ + "/shared/lib/l") << "shared";
  std::ofstream(dir_ + "/shared/x.log") << "log";
  std::ofstream(dir_ + "/shared/.dockerignore") << "*.log\n";
  ASSERT_EQ(chown((dir_ + "/shared/lib/l").c_str(), 33, 33), 0);
  file(".dockerignore", "lib\n");  // is about the main context only
  request_.additional_contexts = {{"shared", dir_ + "/shared"}, {"alpine:latest", "docker-image://busybox"}};
  good(
      "FROM docker.io/library/alpine\nCOPY --from=shared . /out\nCOPY --from=shared lib/* /one/\nRUN "
      "--mount=from=shared,target=/m,rw cat /m/lib/l && touch /m/new && ls /m\nRUN find /out /one -type f && "
      "stat -c %u /out/lib/l\nCOPY --from=alpine /bin/busybox /bb\n");
  EXPECT_EQ(output_, "sharedlib\nnew\n/out/.dockerignore\n/out/lib/l\n/one/l\n0\n");
  std::ofstream(dir_ + "/shared/lib/l") << "other";
  good("FROM alpine\nCOPY --from=shared lib/* /one/\nRUN cat /one/l\n");
  EXPECT_EQ(output_, "other\n");
}

TEST_F(BuildCopy, LetsAContextReplaceAStage) {
  fs::create_directories(dir_ + "/shared/bin");
  fs::copy_file("/bin/busybox", dir_ + "/shared/bin/sh");
  request_.additional_contexts = {{"deps", dir_ + "/shared"}};
  good("FROM busybox AS deps\nRUN exit 1\nFROM busybox\nCOPY --from=deps /bin/sh /x\nCOPY --from=0 bin/sh /y\n");
  const auto outcome = good("FROM busybox AS deps\nRUN exit 1\nFROM deps\nRUN echo in the directory\n");
  EXPECT_EQ(output_, "in the directory\n");
  EXPECT_EQ(must(store_->layers(outcome.digest)).size(), 2u);
  request_.additional_contexts = {{"deps", "https://example.invalid/x.git"}};
  EXPECT_FALSE(run("FROM busybox\n"));
  EXPECT_NE(failure_.find("additional context `deps`"), std::string::npos) << failure_;
}

TEST_F(BuildCopy, DoesNotDependOnTheUmask) {
  const mode_t before = umask(077);
  good(
      "FROM scratch AS empty\nCOPY top.txt /\nFROM busybox\nWORKDIR /made/deep\nCOPY --chown=app <<f /h/\nx\nf\nADD "
      "src /added/\nUSER app\nRUN stat -c '%n %a' /made /made/deep /h /h/f /added && cat /etc/hosts > /dev/null\nRUN "
      "--mount=type=cache,target=/c stat -c '%n %a' /c\nRUN <<EOF\n#!/bin/sh\necho script\nEOF\n");
  umask(before);
  EXPECT_EQ(output_, "/made 755\n/made/deep 755\n/h 755\n/h/f 644\n/added 755\n/c 755\nscript\n");
}

TEST_F(BuildCopy, UnpacksArchivesByContentAndOnlyWhereAsked) {
  file("plain.tar.gz", "not an archive at all");
  fs::copy_file(dir_ + "/busybox.tar", dir_ + "/context/b.bin");
  good(
      "FROM busybox\nADD b.bin /a/\nADD --unpack=false b.bin /b/\nADD plain.tar.gz /c/\nADD --chown=app b.bin "
      "/d/\nCOPY "
      "b.bin /e/\nRUN ls /a /b /c /e && stat -c %U /a/etc/passwd /d/etc/passwd\n");
  EXPECT_EQ(output_, "/a:\nbin\netc\ntmp\n\n/b:\nb.bin\n\n/c:\nplain.tar.gz\n\n/e:\nb.bin\nroot\napp\n");
  EXPECT_FALSE(run("FROM busybox\nADD --checksum=sha256:00 top.txt /x\n"));
  EXPECT_NE(failure_.find("2:5: error: checksum requires HTTP(S) or Git sources"), std::string::npos) << failure_;
  EXPECT_FALSE(run("FROM busybox\nADD git@github.com:a/b.git /x\n"));
  EXPECT_NE(failure_.find("has no git client"), std::string::npos) << failure_;
}

}  // namespace
}  // namespace berth::build
