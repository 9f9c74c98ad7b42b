#include "render/go_template.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace berth::cli {
namespace {

namespace bj = boost::json;

const bj::value kThing = bj::parse(R"({
  "Name": "/web", "State": {"Status": "running", "Running": true, "Pid": 7, "Health": {"Status": "healthy"}},
  "Mounts": [{"Source": "/a", "RW": true}, {"Source": "/b", "RW": false}],
  "Ports": {"80/tcp": [{"HostPort": "8080"}], "443/tcp": null},
  "Labels": {"com.example.a": "1", "b": "x<y"}, "Cmd": ["sh", "-c"], "None": null, "Empty": []
})");

std::string rendered(std::string_view text) {
  const auto parsed = GoTemplate::parse(text);
  if (!parsed) return "unparsed: " + parsed.error().to_string();
  const auto out = parsed->render(kThing);
  return out ? *out : "failed: " + out.error().to_string();
}

TEST(GoTemplate, PrintsFieldsAsGoDoes) {
  EXPECT_EQ(rendered("{{.Name}} {{ .State.Status }} {{.State.Pid}} {{.State.Running}}"), "/web running 7 true");
  EXPECT_EQ(rendered("{{.Cmd}} {{.Labels}} {{.None}}"), "[sh -c] map[b:x<y com.example.a:1] <no value>");
  EXPECT_EQ(rendered("a{{/* nothing */}}b{{- \" c \" -}} d"), "ab c d");
}

TEST(GoTemplate, GoesThroughListsAndMaps) {
  EXPECT_EQ(rendered("{{range .Mounts}}{{.Source}};{{end}}"), "/a;/b;");
  EXPECT_EQ(rendered("{{range $i, $m := .Mounts}}{{$i}}={{$m.Source}} {{end}}"), "0=/a 1=/b ");
  EXPECT_EQ(rendered("{{range $p, $c := .Ports}}{{$p}}{{if $c}}:{{(index $c 0).HostPort}}{{end}} {{end}}"),
            "443/tcp 80/tcp:8080 ");
  EXPECT_EQ(rendered("{{range .Empty}}x{{else}}none{{end}}"), "none");
  EXPECT_EQ(rendered("{{range .Cmd}}{{$.Name}}{{.}} {{end}}"), "/websh /web-c ");
}

TEST(GoTemplate, Chooses) {
  EXPECT_EQ(rendered("{{if .State.Running}}up{{else}}down{{end}}"), "up");
  EXPECT_EQ(rendered("{{if .None}}a{{else if eq .State.Pid 7}}b{{else}}c{{end}}"), "b");
  EXPECT_EQ(rendered("{{with .State.Health}}{{.Status}}{{end}}{{with .None}}x{{else}}y{{end}}"), "healthyy");
  EXPECT_EQ(rendered("{{if and .State.Running (not .None)}}both{{end}}"), "both");
  EXPECT_EQ(rendered("{{$x := .Name}}{{if true}}{{$x}}{{end}}"), "/web");
}

TEST(GoTemplate, HasDockersFunctions) {
  EXPECT_EQ(rendered("{{json .Cmd}} {{json .Name}}"), "[\"sh\",\"-c\"] \"/web\"");
  EXPECT_EQ(rendered("{{join .Cmd \"+\"}} {{upper .Name}} {{.Name | lower | upper}}"), "sh+-c /WEB /WEB");
  EXPECT_EQ(rendered("{{index .Labels \"com.example.a\"}} {{len .Mounts}} {{index .Cmd 1}}"), "1 2 -c");
  EXPECT_EQ(rendered("{{printf \"%s|%-5d|%q\" .Name .State.Pid \"x\"}}{{println 1}}"), "/web|7    |\"x\"1\n");
  EXPECT_EQ(rendered("{{index (split .Name \"e\") 0}} {{truncate .Name 3}} {{slice .Name 1 3}}"), "/w /we we");
}

TEST(GoTemplate, SaysWhatIsWrong) {
  EXPECT_EQ(rendered("{{.Nmae}}"), "failed: invalid --format: there is no field `Nmae`");
  EXPECT_EQ(rendered("{{.State.Healht.Status}}"),
            "failed: invalid --format: there is nothing to take field `Status` of");
  EXPECT_EQ(rendered("{{.State.Healht}}"), "<no value>");
  EXPECT_EQ(rendered("{{.Name"), "unparsed: invalid --format: `{{` without `}}`");
  EXPECT_EQ(rendered("{{range .Cmd}}"), "unparsed: invalid --format: `{{end}}` is missing");
  EXPECT_EQ(rendered("{{nosuch .Cmd}}"), "unparsed: invalid --format: function `nosuch` is not known");
  EXPECT_EQ(rendered("{{index .Cmd 9}}"), "failed: invalid --format: index 9 is out of range: there are 2");
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "{{if .Name}}";
  EXPECT_EQ(rendered(deep), "unparsed: invalid --format: it is nested too deeply");
}

}  // namespace
}  // namespace berth::cli
