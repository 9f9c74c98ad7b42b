// What single instructions do, and what they leave in the image's config.
#include "build_fixture.hpp"

namespace berth::build {
namespace {

class BuildInstructions : public Build {
 protected:
  std::vector<std::string> created_by(const BuildOutcome& outcome) {
    std::vector<std::string> out;
    for (const auto& entry : must(store_->config(outcome.digest)).history) out.push_back(entry.created_by);
    out.erase(out.begin());  // the import
    return out;
  }
  std::string refusal(const std::string& dockerfile) {
    if (run("FROM busybox\n" + dockerfile)) ADD_FAILURE() << "built: " << dockerfile;
    return failure_;
  }
};

TEST_F(BuildInstructions, WriteTheHistoryThatDockerHistoryShows) {
  file("a.txt", "a");
  const auto outcome = good(
      "FROM busybox\nARG V=1 W\nENV A=x B=\"y $V\"\nLABEL l=\"1 2\"\nWORKDIR /srv\nWORKDIR sub\nCOPY --chown=app "
      "--chmod=600 a.txt d/\nRUN true\nEXPOSE 80 53/UDP\nVOLUME /v /w\nUSER app\nSTOPSIGNAL SIGINT\nSHELL "
      "[\"/bin/sh\", \"-ec\"]\nHEALTHCHECK --interval=1m30s --retries=5 CMD true\nCMD echo \"hi\"\nENTRYPOINT "
      "[\"/e\"]\nONBUILD RUN x\n");
  EXPECT_EQ(created_by(outcome),
            (std::vector<std::string>{
                "ARG V=1 W", "ENV A=x B=y 1", "LABEL l=1 2", "WORKDIR /srv", "WORKDIR /srv/sub",
                "COPY --chown=app --chmod=600 a.txt d/ # buildkit", "RUN |2 V=1 W= /bin/sh -c true # buildkit",
                "EXPOSE [53/udp 80/tcp]", "VOLUME [/v /w]", "USER app", "STOPSIGNAL SIGINT", "SHELL [/bin/sh -ec]",
                "HEALTHCHECK &{[\"CMD-SHELL\" \"true\"] \"1m30s\" \"0s\" \"0s\" \"0s\" '\\x05'}",
                "CMD [\"/bin/sh\" \"-ec\" \"echo \\\"hi\\\"\"]", "ENTRYPOINT [\"/e\"]", "ONBUILD RUN x"}));
}

TEST_F(BuildInstructions, RunAHeredocWithAnInterpreterAsAProgram) {
  good("FROM busybox\nRUN <<EOF\n#!/bin/cat\nseen by cat\nEOF\nRUN <<-EOF sh\n\techo by the shell\n\tEOF\n");
  EXPECT_EQ(output_, "#!/bin/cat\nseen by cat\nby the shell\n");
  good("FROM busybox\nRUN <<EOF\n#!/bin/cat\nother text\nEOF\n");  // not taken from the cache
  EXPECT_EQ(output_, "#!/bin/cat\nother text\n");
}

TEST_F(BuildInstructions, ExpandAllNamesOfOneArgBeforeAnyOfThemIsSet) {
  good("FROM busybox\nARG A=1 B=${A:-unset}\nRUN echo $A $B\n");
  EXPECT_EQ(output_, "1 unset\n");
}

TEST_F(BuildInstructions, TakeSymbolicModesAndNumericOwners) {
  file("d/run.sh", "x", 0744);
  file("d/data", "x", 0600);
  good(
      "FROM busybox\nCOPY --chmod=u=rwX,go=rX d /d\nCOPY --chown=100 d/data /n\nCOPY --chown=app:0 d/data /m\nRUN stat "
      "-c '%n %a %u:%g' /d/run.sh /d/data /n /m\n");
  EXPECT_EQ(output_, "/d/run.sh 755 0:0\n/d/data 644 0:0\n/n 600 100:100\n/m 600 100:0\n");
}

TEST_F(BuildInstructions, NameLineColumnAndHintOfAMistake) {
  EXPECT_EQ(refusal("ENV A=1\nSTOPSIGNAL  SIGNOTHING\n"),
            "dockerfile_inline:3:13: error: invalid signal: SIGNOTHING\n 3 | STOPSIGNAL  SIGNOTHING\n"
            "   |             ^~~~~~~~~~ a name as SIGTERM, or a number\n");
  EXPECT_EQ(refusal("COPY --chwon=1 a b\n"),
            "dockerfile_inline:2:6: error: unknown flag: --chwon\n 2 | COPY --chwon=1 a b\n"
            "   |      ^~~~~~~~~ did you mean `--chown`?\n");
  EXPECT_NE(refusal("EXPOSE 80 99999\n").find("dockerfile_inline:2:11: error: invalid containerPort: 99999"),
            std::string::npos)
      << failure_;
}

TEST_F(BuildInstructions, HaveALoopbackWithoutANetwork) {
  good("FROM busybox\nRUN --network=none ip addr show dev lo && ! ip addr show dev eth0\n");
  EXPECT_NE(output_.find("LOOPBACK,UP"), std::string::npos) << output_;
}

TEST_F(BuildInstructions, RefuseAFrontEndOfAnotherLanguage) {
  good("# syntax=registry.example/docker/dockerfile:1.7-labs\nFROM busybox\n");
  EXPECT_FALSE(run("# syntax=registry.example/buildpacks:1\nFROM busybox\n"));
  EXPECT_NE(failure_.find("dockerfile_inline:1:1: error: front end `registry.example/buildpacks:1`"), std::string::npos)
      << failure_;
  request_.args["BUILDKIT_SYNTAX"] = "docker/dockerfile:1";
  good("# syntax=registry.example/buildpacks:1\nFROM busybox\n");
}

TEST_F(BuildInstructions, CompareThePlatformByWhatItMeans) {
  request_.tags.clear();
  for (const std::string platform : {"$BUILDPLATFORM", "linux", "$TARGETOS/$TARGETARCH"})
    good("FROM --platform=" + platform + " busybox\nRUN true\n");
  EXPECT_FALSE(run("FROM --platform=linux/s390x busybox\n"));
  EXPECT_NE(failure_.find("dockerfile_inline:1:6: error: platform `linux/s390x` cannot be built on"), std::string::npos)
      << failure_;
  EXPECT_FALSE(run("FROM --platform=nonsense busybox\n"));
  EXPECT_NE(failure_.find("failed to parse platform"), std::string::npos) << failure_;
}

TEST_F(BuildInstructions, WarnAboutVariablesThatNeitherFileNorBaseSets) {
  std::string rules;
  request_.dockerfile_inline = "FROM busybox AS a\nENV MINE=1\nFROM a\nWORKDIR /$PATH$MINE\nUSER $NOBODY\n";
  BuildPorts ports{store_.get(), dir_ + "/root", dir_ + "/run", {}, -1, {}, {}};
  must(build(request_, ports, [&](const BuildEvent& event) {
    if (event.kind == BuildEvent::Kind::Warning) rules += event.diagnostic.code + event.diagnostic.span.to_string();
  }));
  EXPECT_EQ(rules, "UndefinedVardockerfile_inline:5:6");
}

TEST_F(BuildInstructions, TakeTheTimeThatTheyAreGiven) {
  request_.args["SOURCE_DATE_EPOCH"] = "1700000000";
  const auto config = must(store_->config(good("FROM busybox\nRUN true\n").digest));
  EXPECT_EQ(config.created, "2023-11-14T22:13:20.000000000Z");
  EXPECT_EQ(config.history.back().created, config.created);
  request_.args["SOURCE_DATE_EPOCH"] = "yesterday";
  EXPECT_FALSE(run("FROM busybox\n"));
}

TEST_F(BuildInstructions, RefuseANetworkThatBuildsDoNotHave) {
  request_.network = "backend";
  EXPECT_FALSE(run("FROM busybox\n"));
  EXPECT_NE(failure_.find("network `backend` cannot be the network of a build"), std::string::npos) << failure_;
}

TEST_F(BuildInstructions, FireTriggersFromStageToStageWithTheirHeredocs) {
  good(
      "FROM busybox AS files\nRUN echo from a stage > /f\nFROM busybox AS base\nONBUILD COPY --from=files /f /f\n"
      "ONBUILD RUN <<EOF\ncat /f\necho from a heredoc\nEOF\nONBUILD ENTRYPOINT [\"e\"]\nFROM base AS child\nFROM "
      "child\nRUN echo once\n");
  EXPECT_EQ(output_, "from a stage\nfrom a heredoc\nonce\n");
}

TEST_F(BuildInstructions, ReadNothingFromTheTerminal) {
  good("FROM busybox\nRUN cat && echo end\n");
  EXPECT_EQ(output_, "end\n");
}

}  // namespace
}  // namespace berth::build
