#include "http_client.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <array>
#include <map>
#include <vector>

namespace berth::registry {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;

constexpr std::uint32_t kLargestHead = 64u << 10;
constexpr std::size_t kBufferSize = 128u << 10;

// What Beast reads from. A failure of the wire is kept there; Beast only hears that it is over.
struct WireStream {
  Wire& wire;

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, ErrorCode& error) {
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers); ++at) {
      const boost::asio::mutable_buffer buffer = *at;
      if (buffer.size() == 0) continue;
      const auto count = wire.read(static_cast<char*>(buffer.data()), buffer.size());
      if (!count)
        error = boost::system::errc::make_error_code(boost::system::errc::connection_aborted);
      else if (*count == 0)
        error = boost::asio::error::eof;
      return count.value_or(0);
    }
    return 0;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    ErrorCode error;
    return read_some(buffers, error);
  }
};

struct Connection {
  Connection(std::string peer, Patience patience) : wire(std::move(peer), patience) {}
  Wire wire;
  beast::flat_buffer buffer{kLargestHead + kBufferSize};
};

using Parser = http::response_parser<http::buffer_body>;

HttpError malformed(const std::string& peer, const std::string& why) {
  return HttpError(Fault::Malformed, Error::make(ErrorKind::Protocol, "the answer of " + peer + " " + why));
}

class HttpClient final : public Transport {
 public:
  explicit HttpClient(TransportOptions options) : options_(std::move(options)) {}

  HttpOutcome exchange(const HttpRequest& request, const OnHead& on_head) override {
    const std::string key = request.url.scheme + "://" + request.url.authority();
    auto kept = idle_.extract(key);
    std::unique_ptr<Connection> connection;
    if (kept && !kept.mapped()->wire.is_stale()) connection = std::move(kept.mapped());
    const bool reused = connection != nullptr;
    bool answered = false;
    if (!connection) {
      connection = connected(request.url);
      if (!connection) return failure_;
    }
    auto outcome = exchange_on(*connection, request, on_head, answered);
    // A connection that lay idle may have been closed while we wrote: once more on a new one, where nothing came back
    // and the body can be sent again.
    if (!outcome && reused && !answered && !request.source && outcome.error().fault() == Fault::Broken) {
      connection = connected(request.url);
      if (!connection) return failure_;
      outcome = exchange_on(*connection, request, on_head, answered);
    }
    if (outcome && reusable_) idle_.insert_or_assign(key, std::move(connection));
    return outcome;
  }

 private:
  std::unique_ptr<Connection> connected(const Url& url) {
    const auto proxy = options_.proxies.proxy_for(url);
    const Url& first = proxy ? proxy->url : url;
    auto connection = std::make_unique<Connection>(url.authority(), options_.patience);
    Wire& wire = connection->wire;
    if (!wire.connect(first.host, first.port)) {
      failure_ = wire.failure();
      if (proxy)
        failure_ = HttpError(failure_.fault(), failure_.error().while_doing("using the proxy " + first.shown()));
      return nullptr;
    }
    if (url.scheme == "http") return connection;
    if (proxy && !open_tunnel(*connection, url, *proxy)) return nullptr;
    if (wire.start_tls(url.host, options_.tls ? options_.tls(url) : TlsChoice{})) return connection;
    failure_ = wire.failure();
    return nullptr;
  }

  bool open_tunnel(Connection& connection, const Url& url, const Proxy& proxy) {
    const std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
    const std::string target = host + ":" + std::to_string(url.port);
    std::string head = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
    if (!proxy.authorization.empty()) head += "Proxy-Authorization: " + proxy.authorization + "\r\n";
    failure_ = HttpError();
    Parser parser;
    parser.header_limit(kLargestHead);
    parser.skip(true);
    if (!connection.wire.write(head + "\r\n") || !read_head(connection, parser)) {
      if (failure_.error().to_string().empty()) failure_ = connection.wire.failure();
      return false;
    }
    const int status = static_cast<int>(parser.get().result_int());
    if (status >= 200 && status < 300) return true;
    failure_ = HttpError(Fault::Unreachable,
                         Error::make(ErrorKind::Permission, "the proxy " + proxy.url.shown() + " does not connect to " +
                                                                target + ": status " + std::to_string(status)));
    return false;
  }

  // Sets failure_ where the bytes are no answer.
  bool read_head(Connection& connection, Parser& parser) {
    WireStream stream{connection.wire};
    ErrorCode error;
    http::read_header(stream, connection.buffer, parser, error);
    if (!error) return true;
    failure_ = failure_of(connection, error);
    return false;
  }

  HttpError failure_of(Connection& connection, const ErrorCode& error) const {
    const std::string& peer = peer_;
    if (error == boost::system::errc::connection_aborted) return connection.wire.failure();
    if (error == http::error::end_of_stream || error == boost::asio::error::eof)
      return HttpError(Fault::Broken, Error::make(ErrorKind::Protocol, peer + " closed the connection"));
    if (error == http::error::partial_message)
      return HttpError(Fault::Broken,
                       Error::make(ErrorKind::Protocol, "the answer of " + peer + " ended before it was whole"));
    return malformed(peer, "is no HTTP: " + error.message());
  }

  // Nothing in a name or value may end the line.
  static bool is_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos; }

  std::string head_of(const HttpRequest& request) const {
    const auto proxy = options_.proxies.proxy_for(request.url);
    const bool through_proxy = proxy && request.url.scheme == "http";
    std::string head = request.method + " ";
    if (through_proxy) head += "http://" + request.url.authority();
    head += request.url.target + " HTTP/1.1\r\nHost: " + request.url.authority() + "\r\nUser-Agent: berth/" +
            BERTH_VERSION + "\r\n";
    if (through_proxy && !proxy->authorization.empty()) head += "Proxy-Authorization: " + proxy->authorization + "\r\n";
    for (const auto& [name, value] : request.headers)
      if (is_line(name) && is_line(value)) head += name + ": " + value + "\r\n";
    const bool has_body = request.method != "GET" && request.method != "HEAD";
    if (request.source && !request.length)
      head += "Transfer-Encoding: chunked\r\n";
    else if (has_body || request.source)
      head += "Content-Length: " + std::to_string(request.source ? *request.length : request.body.size()) + "\r\n";
    return head + "\r\n";
  }

  // False: the wire failed (an answer may have come all the same), or with `local` our own side did.
  bool send(Wire& wire, const HttpRequest& request, std::optional<HttpError>& local) {
    if (!wire.write(head_of(request) + (request.source ? std::string() : request.body))) return false;
    if (!request.source) return true;
    std::vector<char> buffer(kBufferSize);
    for (;;) {
      const auto count = request.source(buffer.data(), buffer.size());
      if (!count) {
        local =
            HttpError(count.error().kind() == ErrorKind::Cancelled ? Fault::Cancelled : Fault::Local, count.error());
        return false;
      }
      if (*count == 0) break;
      std::array<char, 24> size;
      const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", *count);
      if (!request.length && !wire.write({size.data(), static_cast<std::size_t>(length)})) return false;
      if (!wire.write({buffer.data(), *count})) return false;
      if (!request.length && !wire.write("\r\n")) return false;
    }
    return request.length || wire.write("0\r\n\r\n");
  }

  HttpOutcome exchange_on(Connection& connection, const HttpRequest& request, const OnHead& on_head, bool& answered) {
    reusable_ = false;
    answered = false;
    peer_ = request.url.authority();
    std::optional<HttpError> local;
    const bool sent = send(connection.wire, request, local);
    if (local) return *local;
    const HttpError unsent = connection.wire.failure();
    if (!sent && unsent.fault() == Fault::Cancelled) return unsent;
    std::optional<Parser> parser;
    do {  // an answer may come before the body is sent; 100 Continue and its like are passed over
      parser.emplace();
      parser->header_limit(kLargestHead);
      parser->body_limit(boost::none);
      if (request.method == "HEAD") parser->skip(true);
      if (!read_head(connection, *parser)) return sent ? failure_ : unsent;
      answered = true;
    } while (parser->get().result_int() < 200);
    HttpResponse response;
    response.status = static_cast<int>(parser->get().result_int());
    for (const auto& field : parser->get())
      response.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    BodySink sink = on_head ? on_head(response) : BodySink();
    if (auto failed = read_body(connection, *parser, sink, response)) return *failed;
    reusable_ = sent && parser->get().keep_alive() && !parser->get().need_eof();
    return response;
  }

  std::optional<HttpError> read_body(Connection& connection, Parser& parser, const BodySink& sink,
                                     HttpResponse& response) {
    WireStream stream{connection.wire};
    std::vector<char> buffer(parser.is_done() ? 0 : kBufferSize);
    while (!parser.is_done()) {
      parser.get().body().data = buffer.data();
      parser.get().body().size = buffer.size();
      ErrorCode error;
      http::read(stream, connection.buffer, parser, error);
      if (error == http::error::need_buffer) error = {};
      const std::string_view bytes(buffer.data(), buffer.size() - parser.get().body().size);
      if (sink && !bytes.empty()) {
        if (auto taken = sink(bytes); !taken)
          return HttpError(taken.error().kind() == ErrorKind::Cancelled ? Fault::Cancelled : Fault::Local,
                           taken.error());
      } else if (response.body.size() + bytes.size() > kLargestText) {
        return malformed(peer_, "is larger than " + std::to_string(kLargestText >> 20) + " MiB");
      } else {
        response.body += bytes;
      }
      if (error) return failure_of(connection, error);
    }
    return std::nullopt;
  }

  TransportOptions options_;
  std::map<std::string, std::unique_ptr<Connection>> idle_;
  HttpError failure_;
  std::string peer_;
  bool reusable_ = false;
};

}  // namespace

std::unique_ptr<Transport> open_transport(TransportOptions options) {
  return std::make_unique<HttpClient>(std::move(options));
}

}  // namespace berth::registry
