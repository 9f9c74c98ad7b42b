#include "render/container_view.hpp"

#include <gtest/gtest.h>

#include "render/table.hpp"

namespace berth::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'800'000'000 * kSecond;

engine::ContainerState web() {
  engine::ContainerState state;
  state.id = ContainerId(std::string(64, 'a'));
  state.spec.project = ProjectName("shop");
  state.spec.service = ServiceName("web");
  state.spec.name = "shop-web-1";
  state.spec.image = "shop-web";
  state.spec.command = {"gunicorn", "--bind", "0.0.0.0:8000"};
  state.phase = engine::Phase::Running;
  state.created_at = kNow - 7200 * kSecond;
  state.started_at = kNow - 7200 * kSecond;
  state.publications = {{.host_ip = "::", .host_port = 80, .target = 8000},
                        {.host_ip = "0.0.0.0", .host_port = 80, .target = 8000}};
  return state;
}

TEST(Table, PadsColumnsByWhatIsSeenAndNotTheLastOne) {
  EXPECT_EQ(format_table({{"A", "B"}, {"x…", "y"}, {"long", ""}}), "A      B\nx…     y\nlong   \n");
}

TEST(ContainerView, SaysWhatDockerSaysAboutEachPhase) {
  auto state = web();
  EXPECT_EQ(status_text(state, kNow), "Up 2 hours");
  state.health = engine::Health::Starting;
  EXPECT_EQ(status_text(state, kNow), "Up 2 hours (health: starting)");
  state.health = engine::Health::Unhealthy;
  EXPECT_EQ(status_text(state, kNow), "Up 2 hours (unhealthy)");
  state.phase = engine::Phase::Exited;
  state.exit_code = 137;
  state.finished_at = kNow - 3 * kSecond;
  EXPECT_EQ(status_text(state, kNow), "Exited (137) 3 seconds ago");
  state.phase = engine::Phase::Created;
  EXPECT_EQ(status_text(state, kNow), "Created");
}

TEST(ContainerView, ListsPortsOnlyWhileTheyAreOpen) {
  auto state = web();
  EXPECT_EQ(ports_text(state), "0.0.0.0:80->8000/tcp, [::]:80->8000/tcp");
  state.phase = engine::Phase::Exited;
  EXPECT_EQ(ports_text(state), "");
}

TEST(ContainerView, ShortensTheCommandToTwentyColumns) {
  EXPECT_EQ(command_text(web(), true), "\"gunicorn --bind 0.0…\"");
  EXPECT_EQ(command_text(web(), false), "\"gunicorn --bind 0.0.0.0:8000\"");
}

TEST(ContainerView, PrintsTheTableAsDockerComposeDoes) {
  EXPECT_EQ(ps_table({web()}, kNow, true),
            "NAME         IMAGE      COMMAND                  SERVICE   CREATED       STATUS       PORTS\n"
            "shop-web-1   shop-web   \"gunicorn --bind 0.0…\"   web       2 hours ago   Up 2 hours   "
            "0.0.0.0:80->8000/tcp, [::]:80->8000/tcp\n");
}

TEST(ContainerView, PrintsOneJsonObjectALine) {
  const std::string line = ps_json_line(web(), kNow);
  EXPECT_EQ(line.back(), '\n');
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_NE(line.find(R"("State":"running")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("Publishers":[{"URL":"::","TargetPort":8000,"PublishedPort":80,"Protocol":"tcp"})"),
            std::string::npos)
      << line;
}

}  // namespace
}  // namespace berth::cli
