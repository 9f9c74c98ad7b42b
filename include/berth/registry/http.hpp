// HTTP as the registry client needs it: requests and responses as values, and the transport that exchanges them as an
// interface, so that everything above it is tested without a network.
//
//   auto transport = open_transport(options);               // one per thread; keeps connections alive
//   auto answer = transport->exchange(request, {});         // body collected, at most kLargestText
//   auto answer = transport->exchange(request, on_head);    // body streamed into what on_head returns
//
// A transport knows no redirects, no credentials and no retries: that is Session's business. It blocks; it ends early
// when the descriptor of its options becomes readable. What the registry's side must not learn twice never gets into
// an error: texts name the host and the path, never the query or a header.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::registry {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query, as they are sent

  std::string authority() const;  // "localhost:5000", "[::1]:80", without the scheme's own port
  std::string shown() const;      // for people: without query
  bool same_origin(const Url& other) const;
  bool operator==(const Url&) const = default;
};
// Refuses other schemes, user names inside, and characters that no URL has.
Result<Url> parse_url(std::string_view text);
// What a Location header means where `base` was asked: absolute, or relative in all its forms.
Result<Url> resolve_location(const Url& base, std::string_view location);

struct Header {
  std::string name, value;
};

// The largest body that is collected rather than streamed: a manifest's limit.
inline constexpr std::size_t kLargestText = 4u << 20;

// Up to `length` bytes of a request's body; 0 at the end.
using BodySource = std::function<Result<std::size_t>(char* buffer, std::size_t length)>;
using BodySink = std::function<Result<void>(std::string_view)>;

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<Header> headers;
  std::string body;                     // where there is no source
  BodySource source;                    // sent in chunks where `length` is not known
  std::optional<std::uint64_t> length;  // of the source
};

struct HttpResponse {
  int status = 0;
  std::vector<Header> headers;
  std::string body;  // where it was not streamed

  std::string header(std::string_view name) const;  // first of that name, empty where there is none
  std::vector<std::string> all(std::string_view name) const;
  bool is_good() const { return status >= 200 && status < 300; }
};

// Why there is no (whole) response.
enum class Fault {
  Unreachable,  // no such host, refused, no route
  NotTls,       // something answers there, and it does not speak TLS
  Certificate,  // it is not who it says
  Broken,       // reset, timed out, shorter than announced: worth another try
  Malformed,    // it is no HTTP, or too large
  Local,        // our side of the body failed: a full disk
  Cancelled,
};

class HttpError {
 public:
  HttpError() = default;
  HttpError(Fault fault, Error error) : fault_(fault), error_(std::move(error)) {}
  Fault fault() const noexcept { return fault_; }
  const Error& error() const noexcept { return error_; }

 private:
  Fault fault_ = Fault::Broken;
  Error error_;
};
[[noreturn]] void throw_exception_from_error(const HttpError& error, const boost::source_location& location);
using HttpOutcome = boost::system::result<HttpResponse, HttpError>;

// Called with status and headers; what it returns takes the body. An empty sink: the body is collected.
using OnHead = std::function<BodySink(const HttpResponse& head)>;

class Transport {
 public:
  virtual ~Transport() = default;
  virtual HttpOutcome exchange(const HttpRequest& request, const OnHead& on_head) = 0;
};

}  // namespace berth::registry
