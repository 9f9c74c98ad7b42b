// A conversation with one registry about one repository: authorisation as the registry asks for it, redirects, retries.
//
//   request ──▶ 401 + challenge ──▶ token from the realm (or Basic) ──▶ request again
//           ──▶ 3xx ──▶ the other place, without Authorization where it is another origin
//           ──▶ 408 429 5xx, reset, short body ──▶ pause ──▶ request again (made anew: a download asks for the rest)
//
// Credentials go to the registry itself and to the realm that it names: over https, or over http where the registry
// itself is spoken to by http. What has been learned (scheme, authorisation) is `Access`, a value: other threads begin
// with a copy.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "berth/registry/credentials.hpp"
#include "berth/registry/http.hpp"
#include "header_values.hpp"
#include "retries.hpp"

namespace berth::registry {

// What waiting and chance are, for tests to replace.
struct Surroundings {
  const async::Time* time = nullptr;
  std::function<std::chrono::system_clock::time_point()> wall;
  std::function<double()> random;
  std::function<Result<void>(std::chrono::milliseconds)> wait;
  RetryLimits limits;
};

struct Access {
  std::string registry;  // as in a reference: "docker.io", "localhost:5000"
  Url base;              // of its API, without a path; of a mirror perhaps with one
  bool may_be_plain = false;
  bool scheme_known = false;
  std::optional<Credential> credential;
  std::vector<std::string> scopes;  // "repository:library/nginx:pull"
  std::string authorization;        // value of the header; empty: none yet

  bool is_logged_in() const { return credential && !credential->empty(); }
};
// `registry`: HOST[:PORT] of a reference. docker.io is served by registry-1.docker.io.
Result<Access> access_to(const std::string& registry, bool may_be_plain, std::optional<Credential> credential);

struct Request {
  std::string method = "GET";
  std::string path;       // below the registry's base: "/v2/..."
  std::optional<Url> at;  // or a place that the registry named (an upload's Location)
  std::vector<Header> headers;
  std::string body;
  BodySource source;
  std::optional<std::uint64_t> length;
};

class Session {
 public:
  Session(Transport& transport, Access access, Surroundings surroundings)
      : transport_(transport), access_(std::move(access)), around_(std::move(surroundings)) {}

  // Any answer but those that are worth another try; the last of these when there have been enough. `make` is called
  // for each attempt. `progressed`: whether bytes came since it was last asked.
  Result<HttpResponse> perform(const std::function<Result<Request>()>& make, const OnHead& on_head = {},
                               const std::function<bool()>& progressed = {});
  Result<HttpResponse> perform(const Request& request);

  // A refusal as an error: the registry's own words, and whether we were logged in. `what`: "pulling `nginx`".
  Error refusal(const HttpResponse& response, const std::string& what) const;

  const Access& access() const { return access_; }
  Access& access() { return access_; }
  // Where the last answer came from: what its Location is relative to.
  const Url& answered_at() const { return answered_at_; }
  // Told before each pause.
  std::function<void(const std::string& why, std::chrono::milliseconds pause)> on_retry;

 private:
  HttpOutcome attempt(const Request& request, const OnHead& on_head);
  HttpOutcome follow(HttpRequest request, const OnHead& on_head);
  Result<bool> authorize(const HttpResponse& refused);
  Result<std::string> fetch_token(const Challenge& challenge);
  Result<HttpResponse> ask_realm(HttpRequest request);
  std::vector<std::string> secrets() const;

  Transport& transport_;
  Access access_;
  Surroundings around_;
  Url answered_at_;
};

}  // namespace berth::registry
