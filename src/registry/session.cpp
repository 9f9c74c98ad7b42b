#include "session.hpp"

#include "server_words.hpp"
#include "token.hpp"

namespace berth::registry {
namespace {

constexpr int kMostRedirects = 8;
constexpr int kMostAuthorizations = 2;  // for one request: a token may have expired between the two

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_worth_a_retry(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

HttpError refused_redirect(const std::string& why) {
  return HttpError(Fault::Malformed, Error::make(ErrorKind::Protocol, why));
}

std::string status_text(int status) { return "status " + std::to_string(status); }

}  // namespace

Result<Access> access_to(const std::string& registry, bool may_be_plain, std::optional<Credential> credential) {
  Access out;
  out.registry = registry;
  out.may_be_plain = may_be_plain;
  auto base = parse_url("https://" + (registry == "docker.io" ? "registry-1.docker.io" : registry));
  if (!base) return base.error().while_doing("reading the registry's name `" + registry + "`");
  out.base = std::move(*base);
  out.base.target.clear();
  out.credential = std::move(credential);
  return out;
}

Result<HttpResponse> Session::perform(const Request& request) {
  return perform([&]() -> Result<Request> { return request; });
}

Result<HttpResponse> Session::perform(const std::function<Result<Request>()>& make, const OnHead& on_head,
                                      const std::function<bool()>& progressed) {
  Retries retries(*around_.time, around_.limits, around_.random);
  int authorizations = 0;
  for (;;) {
    auto request = make();
    if (!request) return request.error();
    auto outcome = attempt(*request, on_head);
    if (progressed && progressed()) retries.progressed();
    std::optional<std::chrono::seconds> asked;
    std::string why;
    if (outcome) {
      if (outcome->status == 401 && authorizations < kMostAuthorizations) {
        ++authorizations;
        auto again = authorize(*outcome);
        if (!again) return again.error();
        if (*again) continue;
      }
      if (!is_worth_a_retry(outcome->status)) return std::move(*outcome);
      asked = parse_retry_after(outcome->header("retry-after"), around_.wall());
      const auto words = parse_server_words(outcome->body).text;
      why = status_text(outcome->status) + (words.empty() ? "" : ": " + without_secrets(words, secrets()));
    } else {
      const Fault fault = outcome.error().fault();
      // Who was never reached will not be there in a second; who went away in between may come back.
      if (fault != Fault::Broken && !(fault == Fault::Unreachable && access_.scheme_known))
        return outcome.error().error();
      why = outcome.error().error().to_string();
    }
    const auto pause = retries.after_failure(asked);
    if (!pause) {
      if (outcome) return std::move(*outcome);
      auto error = outcome.error().error();
      return retries.attempts() > 2 ? error.while_doing(std::to_string(retries.attempts() - 1) + " attempts") : error;
    }
    if (on_retry) on_retry(why, *pause);
    BERTH_TRY(around_.wait(*pause));
  }
}

HttpOutcome Session::attempt(const Request& request, const OnHead& on_head) {
  HttpRequest out;
  out.method = request.method;
  out.headers = request.headers;
  out.body = request.body;
  out.source = request.source;
  out.length = request.length;
  for (;;) {
    out.url = access_.base;
    if (request.at)
      out.url = *request.at;
    else
      out.url.target += request.path;
    auto outcome = follow(out, on_head);
    const bool untried = access_.may_be_plain && !access_.scheme_known && access_.base.scheme == "https";
    if (outcome || !untried) {
      if (outcome) access_.scheme_known = true;
      return outcome;
    }
    const Fault fault = outcome.error().fault();
    if (fault != Fault::NotTls && fault != Fault::Unreachable && fault != Fault::Broken) return outcome;
    // Loopback and what the settings call insecure may be plain.
    access_.base.scheme = "http";
    if (access_.base.port == 443) access_.base.port = 80;
  }
}

HttpOutcome Session::follow(HttpRequest request, const OnHead& on_head) {
  const bool may_move = (request.method == "GET" || request.method == "HEAD") && !request.source;
  // What a redirect says is not what was asked for.
  const OnHead final_only = [&](const HttpResponse& head) {
    return on_head && !is_redirect(head.status) && head.status != 401 ? on_head(head) : BodySink();
  };
  for (int hops = 0;; ++hops) {
    HttpRequest sent = request;
    if (!access_.authorization.empty() && sent.url.same_origin(access_.base))
      sent.headers.push_back({"Authorization", access_.authorization});
    auto outcome = transport_.exchange(sent, final_only);
    if (!outcome) return outcome;
    answered_at_ = sent.url;
    const bool moved = is_redirect(outcome->status) && may_move && outcome->status != 304;
    if (!moved) {
      // A 401 of somebody else is no question to us.
      if (outcome->status == 401 && !sent.url.same_origin(access_.base)) outcome->headers.clear();
      return outcome;
    }
    if (hops == kMostRedirects) return refused_redirect("the registry redirects in a circle");
    auto next = resolve_location(sent.url, outcome->header("location"));
    if (!next) return refused_redirect("the registry redirects to a place that is none");
    if (sent.url.scheme == "https" && next->scheme == "http")
      return refused_redirect("the registry redirects from https to http (" + next->shown() + "), which is refused");
    request.url = std::move(*next);
  }
}

Result<bool> Session::authorize(const HttpResponse& refused) {
  for (const auto& challenge : parse_challenges(refused.all("www-authenticate"))) {
    if (challenge.scheme == "bearer") {
      if (access_.is_logged_in() && !access_.credential->registry_token.empty()) {
        const std::string value = "Bearer " + access_.credential->registry_token;
        return value != std::exchange(access_.authorization, value);
      }
      auto token = fetch_token(challenge);
      if (!token) return token.error();
      access_.authorization = "Bearer " + *token;
      return true;
    }
    if (challenge.scheme == "basic" && access_.is_logged_in() && !access_.credential->user.empty()) {
      const std::string value = basic_authorization(*access_.credential);
      return value != std::exchange(access_.authorization, value);
    }
  }
  return false;
}

Result<HttpResponse> Session::ask_realm(HttpRequest request) {
  Retries retries(*around_.time, around_.limits, around_.random);
  const std::string who = "asking `" + request.url.shown() + "` for a token";
  for (;;) {
    auto outcome = transport_.exchange(request, {});
    std::optional<std::chrono::seconds> asked;
    if (outcome) {
      if (!is_worth_a_retry(outcome->status)) return std::move(*outcome);
      asked = parse_retry_after(outcome->header("retry-after"), around_.wall());
    } else if (outcome.error().fault() != Fault::Broken) {
      return outcome.error().error().while_doing(who);
    }
    const auto pause = retries.after_failure(asked);
    if (!pause && outcome) return std::move(*outcome);
    if (!pause) return outcome.error().error().while_doing(who);
    BERTH_TRY(around_.wait(*pause));
  }
}

Result<std::string> Session::fetch_token(const Challenge& challenge) {
  const auto parameter = [&](const char* name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string() : found->second;
  };
  auto realm = parse_url(parameter("realm"));
  if (!realm) return realm.error().while_doing("reading where `" + access_.registry + "` wants tokens to be asked for");
  if (realm->scheme != "https" && access_.base.scheme != "http")
    return Error::make(ErrorKind::Permission, "`" + access_.registry + "` wants a token to be asked for over http (" +
                                                  realm->shown() + "), which is refused");
  auto scopes = access_.scopes;
  if (scopes.empty() && !parameter("scope").empty()) scopes.push_back(parameter("scope"));
  const auto& credential = access_.credential;
  if (credential && !credential->identity_token.empty()) {
    HttpRequest post{.method = "POST", .url = *realm};
    post.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    post.body = token_form(parameter("service"), scopes, credential->identity_token);
    auto response = ask_realm(std::move(post));
    if (!response) return response.error();
    if (response->is_good()) {
      auto answer = parse_token_answer(response->body);
      if (!answer) return answer.error().while_doing("reading the token of `" + realm->shown() + "`");
      return std::move(answer->token);
    }
    // Compat: registries without OAuth2 know only GET.
    if (response->status != 404 && response->status != 405)
      return refusal(*response, "asking `" + realm->shown() + "` for a token");
  }
  HttpRequest get{.url = with_token_query(*realm, parameter("service"), scopes, credential)};
  get.headers = {{"Accept", "application/json"}};
  if (credential && !credential->user.empty())
    get.headers.push_back({"Authorization", basic_authorization(*credential)});
  auto response = ask_realm(std::move(get));
  if (!response) return response.error();
  if (!response->is_good()) return refusal(*response, "asking `" + realm->shown() + "` for a token");
  auto answer = parse_token_answer(response->body);
  if (!answer) return answer.error().while_doing("reading the token of `" + realm->shown() + "`");
  return std::move(answer->token);
}

std::vector<std::string> Session::secrets() const {
  std::vector<std::string> out;
  if (access_.credential)
    out = {access_.credential->password, access_.credential->identity_token, access_.credential->registry_token};
  const auto blank = access_.authorization.find(' ');
  if (blank != std::string::npos) out.push_back(access_.authorization.substr(blank + 1));
  return out;
}

Error Session::refusal(const HttpResponse& response, const std::string& what) const {
  const auto said = parse_server_words(response.body);
  std::string words = said.code.empty() ? "" : said.code;
  if (!said.text.empty()) words += (words.empty() ? "" : ": ") + said.text;
  words = without_secrets(words, secrets());
  const bool known = access_.is_logged_in();
  std::string who = "not logged in";
  if (known)
    who = access_.credential->user.empty() ? "logged in by a token" : "logged in as `" + access_.credential->user + "`";
  const std::string login = "`berth login" + (access_.registry == "docker.io" ? "" : " " + access_.registry) + "`";
  const std::string reason = words.empty() ? status_text(response.status) : words;
  switch (response.status) {
    case 401:
    case 403: {
      auto error =
          Error::make(ErrorKind::Permission, what + ": `" + access_.registry + "` refuses it (" + who + "): " + reason);
      return known ? std::move(error).with_hint("the account may lack the right to it, or its password has changed: " +
                                                login)
                   : std::move(error).with_hint(login + ", or look for a mistake in the name");
    }
    case 404:
      return Error::make(ErrorKind::NotFound,
                         what + ": `" + access_.registry + "` does not have it" + (words.empty() ? "" : ": " + words));
    case 429: {
      auto error =
          Error::make(ErrorKind::Busy, what + ": `" + access_.registry + "` limits requests (" + who + "): " + reason);
      return known ? std::move(error).with_hint("try again later")
                   : std::move(error).with_hint("who is logged in may ask more often: " + login);
    }
    default:
      return Error::make(ErrorKind::Failed, what + ": `" + access_.registry + "` answered with " +
                                                status_text(response.status) + (words.empty() ? "" : ": " + words));
  }
}

}  // namespace berth::registry
