#include "session.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "berth/async/manual_clock.hpp"
#include "docker_config.hpp"

namespace berth::registry {
namespace {

using namespace std::chrono_literals;

// A network in which every place answers as a test says, in order.
class FakeTransport final : public Transport {
 public:
  struct Seen {
    std::string method, url, authorization, body;
  };
  std::deque<std::pair<std::string, HttpOutcome>> answers;  // what is expected ("GET https://…"), and what comes
  std::vector<Seen> seen;

  HttpOutcome exchange(const HttpRequest& request, const OnHead& on_head) override {
    HttpResponse headers;
    headers.headers = request.headers;
    const std::string url = request.url.scheme + "://" + request.url.authority() + request.url.target;
    seen.push_back({request.method, url, headers.header("authorization"), request.body});
    if (answers.empty()) return HttpError(Fault::Unreachable, Error::make(ErrorKind::Failed, "nobody answers " + url));
    auto [expected, outcome] = std::move(answers.front());
    answers.pop_front();
    EXPECT_EQ(request.method + " " + url, expected);
    if (outcome && on_head)
      if (auto sink = on_head(*outcome)) {
        auto taken = sink(outcome->body);
        if (!taken) return HttpError(Fault::Local, taken.error());
        outcome->body.clear();
      }
    return outcome;
  }
};

HttpResponse answer(int status, std::vector<Header> headers = {}, std::string body = {}) {
  return {status, std::move(headers), std::move(body)};
}
HttpError broken() { return {Fault::Broken, Error::make(ErrorKind::Protocol, "reset")}; }

class RegistrySession : public testing::Test {
 protected:
  Session session(const std::string& registry, std::optional<Credential> credential = {}, bool plain = false) {
    Surroundings around;
    around.time = &clock_;
    around.wall = [] { return std::chrono::system_clock::from_time_t(0); };
    around.random = [] { return 0.0; };
    around.wait = [this](std::chrono::milliseconds time) -> Result<void> {
      waits_.push_back(time);
      clock_.advance(time);
      return {};
    };
    auto access = access_to(registry, plain, std::move(credential));
    access->scopes = {"repository:a/b:pull"};
    return Session(transport_, std::move(*access), std::move(around));
  }
  void expect(const std::string& request, HttpOutcome outcome) {
    transport_.answers.emplace_back(request, std::move(outcome));
  }
  static Request get(const char* path) {
    Request request;
    request.path = path;
    return request;
  }
  static Credential user() {
    Credential out;
    out.user = "me";
    out.password = "s3cr3t-marker";
    return out;
  }

  async::ManualClock clock_;
  FakeTransport transport_;
  std::vector<std::chrono::milliseconds> waits_;
};

TEST_F(RegistrySession, AsksTheRealmForATokenAndSendsItOnlyToTheRegistry) {
  expect("GET https://r.io/v2/a/b/blobs/x",
         answer(401, {{"WWW-Authenticate", R"(Bearer realm="https://auth.io/token",service="r",scope="other")"}}));
  expect("GET https://auth.io/token?service=r&scope=repository%3Aa%2Fb%3Apull&account=me",
         answer(200, {}, R"({"token":"tok"})"));
  expect("GET https://r.io/v2/a/b/blobs/x", answer(307, {{"Location", "https://cdn.io/x?sig=1"}}));
  expect("GET https://cdn.io/x?sig=1", answer(200, {}, "bytes"));
  auto session = this->session("r.io", user());
  const auto response = session.perform(get("/v2/a/b/blobs/x"));
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, "bytes");
  const auto& seen = transport_.seen;
  EXPECT_EQ(seen[0].authorization, "");
  EXPECT_EQ(seen[1].authorization, "Basic " + base64_encode("me:s3cr3t-marker"));
  EXPECT_EQ(seen[2].authorization, "Bearer tok");
  EXPECT_EQ(seen[3].authorization, "") << "another host";
}

TEST_F(RegistrySession, SendsNoCredentialToARealmOverHttp) {
  expect("GET https://r.io/v2/", answer(401, {{"WWW-Authenticate", R"(Bearer realm="http://auth.io/token")"}}));
  auto session = this->session("r.io", user());
  const auto response = session.perform(get("/v2/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind(), ErrorKind::Permission);
  EXPECT_EQ(transport_.seen.size(), 1u);
}

TEST_F(RegistrySession, AnswersNoChallengeOfAnotherHost) {
  expect("GET https://r.io/v2/", answer(307, {{"Location", "https://evil.io/"}}));
  expect("GET https://evil.io/", answer(401, {{"WWW-Authenticate", "Basic realm=x"}}));
  auto session = this->session("r.io", user());
  EXPECT_EQ(session.perform(get("/v2/"))->status, 401);
  EXPECT_EQ(transport_.seen.back().authorization, "");
}

TEST_F(RegistrySession, FollowsNoRedirectFromHttpsToHttp) {
  expect("GET https://r.io/v2/", answer(302, {{"Location", "http://r.io/"}}));
  auto session = this->session("r.io");
  EXPECT_FALSE(session.perform(get("/v2/")));
}

TEST_F(RegistrySession, PostsAnIdentityTokenAndFallsBackToGet) {
  Credential token;
  token.identity_token = "refresh";
  expect("GET https://r.io/v2/", answer(401, {{"WWW-Authenticate", R"(Bearer realm="https://a.io/t",service="s")"}}));
  expect("POST https://a.io/t", answer(404));
  expect("GET https://a.io/t?service=s&scope=repository%3Aa%2Fb%3Apull", answer(200, {}, R"({"access_token":"x"})"));
  expect("GET https://r.io/v2/", answer(200));
  auto session = this->session("r.io", token);
  EXPECT_EQ(session.perform(get("/v2/"))->status, 200);
  EXPECT_NE(transport_.seen[1].body.find("refresh_token=refresh"), std::string::npos);
}

TEST_F(RegistrySession, ATokenThatHasExpiredIsAskedForAgainAndOnlyTwice) {
  const auto challenge = answer(401, {{"WWW-Authenticate", R"(Bearer realm="https://a.io/t")"}},
                                R"({"errors":[{"code":"UNAUTHORIZED"}]})");
  for (int i = 0; i < 2; ++i) {
    expect("GET https://r.io/v2/", challenge);
    expect("GET https://a.io/t?scope=repository%3Aa%2Fb%3Apull", answer(200, {}, R"({"token":"t"})"));
  }
  expect("GET https://r.io/v2/", challenge);
  auto session = this->session("r.io");
  const auto response = session.perform(get("/v2/"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(session.refusal(*response, "pulling").to_string(),
            "pulling: `r.io` refuses it (not logged in): UNAUTHORIZED");
}

TEST_F(RegistrySession, BasicGoesToTheRegistryThatAsksForIt) {
  expect("GET https://r.io/v2/", answer(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}));
  expect("GET https://r.io/v2/",
         answer(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "bad password s3cr3t-marker"));
  auto session = this->session("r.io", user());
  const auto response = session.perform(get("/v2/"));
  EXPECT_EQ(transport_.seen.size(), 2u) << "the same again would change nothing";
  const std::string words = session.refusal(*response, "logging in").to_string();
  EXPECT_EQ(words, "logging in: `r.io` refuses it (logged in as `me`): bad password ***");
}

TEST_F(RegistrySession, TriesAgainAsLongAsTheServerAsks) {
  expect("GET https://r.io/v2/", answer(429, {{"Retry-After", "9"}}));
  expect("GET https://r.io/v2/", broken());
  expect("GET https://r.io/v2/", answer(200));
  auto session = this->session("r.io");
  EXPECT_EQ(session.perform(get("/v2/"))->status, 200);
  EXPECT_EQ(waits_, (std::vector<std::chrono::milliseconds>{9000ms, 300ms}));
}

TEST_F(RegistrySession, GivesUpWithTheServersWordsAndWhetherWeWereLoggedIn) {
  for (int i = 0; i < 5; ++i)
    expect("GET https://registry-1.docker.io/v2/",
           answer(429, {}, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"limit reached"}]})"));
  auto session = this->session("docker.io");
  const auto response = session.perform(get("/v2/"));
  ASSERT_TRUE(response);
  const auto error = session.refusal(*response, "pulling `x`");
  EXPECT_EQ(error.to_string(),
            "pulling `x`: `docker.io` limits requests (not logged in): TOOMANYREQUESTS: limit reached");
  EXPECT_EQ(error.hint(), "who is logged in may ask more often: `berth login`");
}

TEST_F(RegistrySession, OnlyWhatMayBePlainIsSpokenToWithoutTls) {
  const HttpError not_tls(Fault::NotTls, Error::make(ErrorKind::Protocol, "no TLS"));
  expect("GET https://127.0.0.1:5000/v2/", not_tls);
  expect("GET http://127.0.0.1:5000/v2/", answer(200));
  auto plain = session("127.0.0.1:5000", {}, true);
  EXPECT_EQ(plain.perform(get("/v2/"))->status, 200);
  expect("GET https://r.io/v2/", not_tls);
  auto strict = session("r.io");
  EXPECT_FALSE(strict.perform(get("/v2/")));
}

TEST_F(RegistrySession, WhoIsNotThereIsNotAskedAgain) {
  auto session = this->session("r.io");
  EXPECT_FALSE(session.perform(get("/v2/")));
  EXPECT_TRUE(waits_.empty());
}

}  // namespace
}  // namespace berth::registry
