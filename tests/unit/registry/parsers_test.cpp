#include <gtest/gtest.h>

#include "berth/registry/http.hpp"
#include "dns_message.hpp"
#include "docker_config.hpp"
#include "header_values.hpp"
#include "manifest.hpp"
#include "retries.hpp"
#include "server_words.hpp"
#include "settings.hpp"
#include "token.hpp"

#include "berth/async/manual_clock.hpp"

namespace berth::registry {
namespace {

using namespace std::chrono_literals;

TEST(RegistryUrl, IsReadAndWrittenBack) {
  const auto url = parse_url("https://Registry.example:5000/v2/a?x=1#y");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "registry.example");
  EXPECT_EQ(url->port, 5000);
  EXPECT_EQ(url->target, "/v2/a?x=1");
  EXPECT_EQ(url->authority(), "registry.example:5000");
  EXPECT_EQ(url->shown(), "https://registry.example:5000/v2/a") << "a query may hold a secret";
  EXPECT_EQ(parse_url("http://[::1]:5000/")->authority(), "[::1]:5000");
  EXPECT_EQ(parse_url("https://h")->authority(), "h");
}

TEST(RegistryUrl, RefusesWhatCouldMeanSomethingElse) {
  for (const char* text : {"ftp://h/", "h/v2", "https://user:secret@h/", "https://h:0/", "https://h:99999/",
                           "https:///x", "https://h/a b", "https://h/a\r\nX: y", "https://a\\b/", "https://[::1/"})
    EXPECT_FALSE(parse_url(text)) << text;
}

TEST(RegistryUrl, LocationsAreRelativeInAllForms) {
  const auto base = *parse_url("https://h:1/v2/a/blobs/uploads/?s=1");
  EXPECT_EQ(resolve_location(base, "https://o/x")->shown(), "https://o/x");
  EXPECT_EQ(resolve_location(base, "//o/x")->shown(), "https://o/x");
  EXPECT_EQ(resolve_location(base, "/v2/y?_state=z")->target, "/v2/y?_state=z");
  EXPECT_EQ(resolve_location(base, "uuid?q=https://x")->target, "/v2/a/blobs/uploads/uuid?q=https://x");
  EXPECT_EQ(resolve_location(base, "?q=2")->target, "/v2/a/blobs/uploads/?q=2");
  EXPECT_FALSE(resolve_location(base, ""));
  EXPECT_FALSE(resolve_location(base, "/a\nb"));
}

TEST(Challenges, SeveralInOneHeaderWithCommasInQuotes) {
  const auto all = parse_challenges(
      {R"(Bearer realm="https://a/token",service="s, really",scope="repository:x/y:pull,push", Basic realm=plain)"});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].scheme, "bearer");
  EXPECT_EQ(all[0].parameters.at("service"), "s, really");
  EXPECT_EQ(all[0].parameters.at("scope"), "repository:x/y:pull,push");
  EXPECT_EQ(all[1].scheme, "basic");
  EXPECT_EQ(all[1].parameters.at("realm"), "plain");
}

TEST(Challenges, OddOnesDoNoHarm) {
  EXPECT_TRUE(parse_challenges({""}).empty());
  EXPECT_EQ(parse_challenges({R"(Bearer realm="never ends)"}).front().parameters.size(), 0u);
  EXPECT_EQ(parse_challenges({R"(Bearer realm="a\"b")"}).front().parameters.at("realm"), "a\"b");
  EXPECT_EQ(parse_challenges({"Negotiate", "Basic"}).size(), 2u);
  EXPECT_LE(parse_challenges({std::string(100'000, ',') + "x"}).size(), 1u);
}

TEST(RetryAfter, SecondsAndDates) {
  const auto now = std::chrono::system_clock::from_time_t(1445412480);  // Wed, 21 Oct 2015 07:28:00 GMT
  EXPECT_EQ(parse_retry_after("7", now), 7s);
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:30 GMT", now), 31s);
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:00:00 GMT", now), 0s);
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 0015 07:28:00 GMT", now), 0s);
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 9999 07:28:00 GMT", now), parse_retry_after("99999999999", now));
  EXPECT_FALSE(parse_retry_after("soon", now));
  EXPECT_FALSE(parse_retry_after("-1", now));
}

TEST(ContentRange, SaysWhereAPartBegins) {
  EXPECT_EQ(parse_content_range("bytes 5-9/100")->first, 5u);
  EXPECT_EQ(parse_content_range("bytes 5-9/100")->total, 100u);
  EXPECT_FALSE(parse_content_range("bytes */100")->first);
  EXPECT_FALSE(parse_content_range("bytes 9-5/100"));
  EXPECT_FALSE(parse_content_range("lines 5-9/100"));
}

TEST(DockerConfig, FindsCredentialsInAllSpellings) {
  const auto config = parse_docker_config(R"({"auths":{
    "https://index.docker.io/v1/":{"auth":"aHViOnNlY3JldA=="},
    "https://old.example/v2/":{"auth":"b2xkOnB3"},
    "quay.io/team/private":{"auth":"dGVhbTpwdw=="},
    "quay.io":{"username":"all","password":"pw"},
    "token.example":{"auth":"","identitytoken":"idt"}},
    "credHelpers":{"gcr.io":"gcloud"},"credsStore":"pass","HttpHeaders":{"X":"y"}})");
  ASSERT_TRUE(config);
  EXPECT_EQ(find_credential(*config, "docker.io", "library/nginx")->password, "secret");
  EXPECT_EQ(find_credential(*config, "old.example", "x")->user, "old");
  EXPECT_EQ(find_credential(*config, "quay.io", "team/private")->user, "team");
  EXPECT_EQ(find_credential(*config, "quay.io", "team/other")->user, "all");
  EXPECT_EQ(find_credential(*config, "token.example", "x")->identity_token, "idt");
  EXPECT_FALSE(find_credential(*config, "example", "x"));
  EXPECT_FALSE(find_credential(*config, "uay.io", "x"));
  EXPECT_EQ(helper_of(*config, "gcr.io"), "gcloud");
  EXPECT_EQ(helper_of(*config, "quay.io"), "pass");
}

TEST(DockerConfig, ErrorsHoldNoSecret) {
  const auto wrong = parse_docker_config(R"({"auths":{"h":{"auth":["czNjcjN0"]}}})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().to_string(), "`auths.h.auth` is not a string");
  EXPECT_FALSE(parse_docker_config("[1]"));
  EXPECT_FALSE(parse_docker_config("{"));
  EXPECT_TRUE(parse_docker_config(" "));
  EXPECT_TRUE(parse_docker_config(R"({"auths":{"h":{"auth":"no base64!"}}})")->auths.at("h").empty());
}

TEST(DockerConfig, ChangesKeepWhatElseIsThere) {
  Credential credential;
  credential.user = "u";
  credential.password = "p:w";
  const auto with =
      with_credential(R"({"detachKeys":"ctrl-q","auths":{"a":{"auth":"eDp5"}}})", "docker.io", credential);
  ASSERT_TRUE(with);
  EXPECT_NE(with->find("detachKeys"), std::string::npos);
  const auto again = parse_docker_config(*with);
  EXPECT_EQ(find_credential(*again, "docker.io", "")->password, "p:w");
  EXPECT_EQ(find_credential(*again, "a", "")->user, "x");
  const auto without = without_credential(*with, "docker.io");
  ASSERT_TRUE(without);
  EXPECT_TRUE(without->found);
  EXPECT_FALSE(find_credential(*parse_docker_config(without->text), "docker.io", ""));
  EXPECT_FALSE(without_credential("{}", "a")->found);
}

TEST(DockerConfig, HostsAreNamedInOneWay) {
  EXPECT_EQ(*registry_host("https://index.docker.io/v1/"), "docker.io");
  EXPECT_EQ(*registry_host("Registry.Example:5000"), "registry.example:5000");
  EXPECT_FALSE(registry_host("a b"));
  EXPECT_FALSE(registry_host(""));
}

constexpr const char* kDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::string index_entry(const std::string& platform) {
  return std::string(R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")") + kDigest +
         R"(","size":7,"platform":{)" + platform + "}}";
}

TEST(Manifests, AnImageOfEitherKind) {
  const std::string layer = std::string(R"({"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":")") +
                            kDigest + R"(","size":7})";
  const std::string config =
      std::string(R"({"mediaType":"application/vnd.oci.image.config.v1+json","digest":")") + kDigest + R"(","size":2})";
  const auto parsed = parse_manifest(R"({"schemaVersion":2,"config":)" + config + R"(,"layers":[)" + layer + "]}",
                                     "application/vnd.oci.image.manifest.v1+json; charset=utf-8");
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(std::get<ImageManifest>(*parsed).layers.front().size, 7);
}

TEST(Manifests, HostileOnesAreRefused) {
  const std::string good_config =
      std::string(R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")") + kDigest +
      R"(","size":2})";
  const auto refused = [](const std::string& json, const char* words) {
    const auto parsed = parse_manifest(json, "application/vnd.oci.image.manifest.v1+json");
    ASSERT_FALSE(parsed) << json;
    EXPECT_NE(parsed.error().to_string().find(words), std::string::npos) << parsed.error().to_string();
  };
  refused(R"({"schemaVersion":1,"fsLayers":[]})", "schema 1");
  refused("{" + good_config + R"(,"layers":[{"mediaType":"x","digest":"sha256:../../etc","size":1}]})", "digest");
  refused("{" + good_config + R"(,"layers":[{"mediaType":"text/plain","digest":")" + kDigest + R"(","size":1}]})",
          "text/plain");
  refused("{" + good_config + R"(,"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" +
              kDigest + R"(","size":-1}]})",
          "size");
  refused("{" + good_config + R"(,"layers":[],"manifests":[]})", "at once");
  refused(R"({"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":")" + std::string(kDigest) +
              R"(","size":1},"layers":[]})",
          "helm");
  refused(R"({"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha512:00","size":1}})",
          "sha512");
  refused("nonsense", "JSON");
}

TEST(Manifests, ThePlatformIsChosenWithArmGoingDown) {
  const auto index = parse_manifest(R"({"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
                                        index_entry(R"("os":"unknown","architecture":"unknown")") + "," +
                                        index_entry(R"("os":"linux","architecture":"amd64")") + "," +
                                        index_entry(R"("os":"linux","architecture":"arm","variant":"v6")") + "," +
                                        index_entry(R"("os":"linux","architecture":"arm64","variant":"v8")") + "]}",
                                    "");
  ASSERT_TRUE(index) << index.error().to_string();
  const auto chosen = [&](const char* platform) {
    const auto found = choose_manifest(std::get<ImageIndex>(*index), *parse_platform(platform));
    return found ? found->platform.to_string() : found.error().to_string();
  };
  EXPECT_EQ(chosen("amd64"), "linux/amd64");
  EXPECT_EQ(chosen("linux/arm/v7"), "linux/arm/v6");
  EXPECT_EQ(chosen("linux/aarch64"), "linux/arm64/v8");
  EXPECT_EQ(chosen("linux/arm/v5"),
            "there is no image for linux/arm/v5: it is made for linux/amd64, linux/arm/v6, linux/arm64/v8");
  EXPECT_EQ(chosen("linux/386").substr(0, 34), "there is no image for linux/386: i");
}

TEST(ServerWords, OfRegistriesAndTokenServers) {
  EXPECT_EQ(
      parse_server_words(R"({"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached\nyour limit."}]})").text,
      "You have reached your limit");
  EXPECT_EQ(parse_server_words(R"({"details":"incorrect username or password"})").text,
            "incorrect username or password");
  EXPECT_EQ(parse_server_words("<html>no</html>").text, "");
  EXPECT_EQ(parse_server_words("plain\x1b[31m words").text, "plain[31m words");
  EXPECT_LE(parse_server_words(std::string(100'000, 'x')).text.size(), 300u);
  EXPECT_EQ(without_secrets("the token s3cr3t is wrong, s3cr3t", {"s3cr3t", ""}), "the token *** is wrong, ***");
}

TEST(RegistrySettings, InsecureByNamePortAndNetwork) {
  const auto settings = parse_daemon_json(
      R"({"insecure-registries":["Reg.local:5000","10.0.0.0/8"],"registry-mirrors":["https://mirror.example/"],"debug":true})");
  ASSERT_TRUE(settings) << settings.error().to_string();
  EXPECT_TRUE(may_be_plain(*settings, "reg.local:5000"));
  EXPECT_FALSE(may_be_plain(*settings, "reg.local:5001"));
  EXPECT_TRUE(may_be_plain(*settings, "10.2.3.4:80"));
  EXPECT_FALSE(may_be_plain(*settings, "11.2.3.4"));
  EXPECT_TRUE(may_be_plain(*settings, "127.0.0.1:5000"));
  EXPECT_TRUE(may_be_plain(*settings, "localhost"));
  EXPECT_FALSE(may_be_plain(*settings, "localhost.example"));
  EXPECT_FALSE(may_be_plain(*settings, "127.0.0.1.example"));
  EXPECT_EQ(settings->mirrors.front().target, "");
  EXPECT_FALSE(parse_daemon_json(R"({"insecure-registries":"x"})"));
}

TEST(Proxies, LowerCaseWinsAndTheMachineItselfIsNeverProxied) {
  const auto proxies = ProxySettings::from({{"HTTPS_PROXY", "http://upper:1"},
                                            {"https_proxy", "http://us%40er:pw@lower:2"},
                                            {"NO_PROXY", "Example.org, .inner.net,10.0.0.0/8,exact:8443"}});
  ASSERT_TRUE(proxies) << proxies.error().to_string();
  const auto of = [&](const char* url) { return proxies->proxy_for(*parse_url(url)); };
  EXPECT_EQ(of("https://registry.io")->url.host, "lower");
  EXPECT_EQ(of("https://registry.io")->authorization, "Basic " + base64_encode("us@er:pw"));
  EXPECT_FALSE(of("http://registry.io")) << "HTTP_PROXY is not set";
  for (const char* direct : {"https://example.org", "https://a.example.org", "https://x.inner.net", "https://10.1.1.1",
                             "https://exact:8443", "https://127.0.0.1:5000", "https://localhost"})
    EXPECT_FALSE(of(direct)) << direct;
  for (const char* proxied : {"https://anexample.org", "https://inner.net", "https://11.1.1.1", "https://exact"})
    EXPECT_TRUE(of(proxied)) << proxied;
  const auto wrong = ProxySettings::from({{"https_proxy", "http://u:s3cr3t@h:x"}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().to_string().find("s3cr3t"), std::string::npos);
}

TEST(Retries, GrowUntilTheyGiveUp) {
  async::ManualClock clock;
  Retries retries(clock, {.attempts = 4, .first = 100ms}, [] { return 0.0; });
  EXPECT_EQ(retries.after_failure(), 50ms);
  EXPECT_EQ(retries.after_failure(), 150ms);
  EXPECT_EQ(retries.after_failure(), 450ms);
  EXPECT_FALSE(retries.after_failure());
  retries.progressed();
  EXPECT_EQ(retries.after_failure(3s), 3s) << "the server's wish";
  EXPECT_FALSE(retries.after_failure(3600s)) << "nobody waits an hour";
}

TEST(Retries, EndWhenTheyHaveTakenTooLong) {
  async::ManualClock clock;
  Retries retries(clock, {.attempts = 100, .in_all = std::chrono::minutes(1)}, [] { return 0.0; });
  EXPECT_TRUE(retries.after_failure());
  clock.advance(61s);
  EXPECT_FALSE(retries.after_failure());
}

TEST(Tokens, QueryFormAndAnswer) {
  Credential credential;
  credential.user = "me & you";
  EXPECT_EQ(with_token_query(*parse_url("https://a/t?x=1"), "reg", {"repository:a/b:pull,push"}, credential).target,
            "/t?x=1&service=reg&scope=repository%3Aa%2Fb%3Apull%2Cpush&account=me%20%26%20you");
  EXPECT_EQ(token_form("s", {"a", "b"}, "t+k"),
            "grant_type=refresh_token&client_id=berth&service=s&scope=a%20b&refresh_token=t%2Bk");
  EXPECT_EQ(parse_token_answer(R"({"access_token":"abc"})")->token, "abc");
  EXPECT_FALSE(parse_token_answer(R"({"token":"a\r\nX: y"})"));
  EXPECT_FALSE(parse_token_answer(R"({"token":7})"));
}

TEST(DnsMessages, QuestionAndAnswer) {
  const auto question = dns_question(0x1234, "Registry.example", DnsType::A);
  ASSERT_TRUE(question);
  std::string answer = *question;
  answer[2] = '\x81';
  answer[3] = '\x80';
  answer[7] = 2;                      // answers
  answer.resize(answer.size() - 11);  // without the EDNS record
  answer[11] = 0;
  // CNAME of the name itself (a pointer back), then its address.
  answer += std::string("\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x15", 14);
  answer += std::string("\xc0\x15\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x01\x02\x03", 16);
  const auto parsed = parse_dns_answer(answer, 0x1234, "registry.example", DnsType::A);
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(parsed->addresses, std::vector<std::string>{"10.1.2.3"});
  EXPECT_FALSE(parse_dns_answer(answer, 0x1235, "registry.example", DnsType::A)) << "another id";
  EXPECT_FALSE(parse_dns_answer(answer, 0x1234, "other.example", DnsType::A)) << "another name";
  EXPECT_FALSE(dns_question(1, "a..b", DnsType::A));
  EXPECT_FALSE(dns_question(1, std::string(64, 'a'), DnsType::A));
}

TEST(DnsMessages, HostsFile) {
  EXPECT_EQ(addresses_in_hosts("127.0.0.1 localhost\n10.0.0.5\tReg.local reg # x\nnonsense reg\n::1 reg\n", "REG"),
            (std::vector<std::string>{"10.0.0.5", "::1"}));
}

}  // namespace
}  // namespace berth::registry
