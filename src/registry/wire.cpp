#include "wire.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "berth/sys/file.hpp"
#include "berth/sys/tcp_client.hpp"
#include "resolver.hpp"

namespace berth::registry {
namespace {

struct FreeTlsContext {
  void operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<ssl_ctx_st, FreeTlsContext>;

std::string openssl_words() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  std::string out = reason ? reason : "no reason given";
  ERR_clear_error();
  return out;
}

// Other distributions keep theirs elsewhere than the library that is linked in looks.
constexpr const char* kBundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                    "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

Result<void> trust(ssl_ctx_st* context, const Certificates& certificates) {
  SSL_CTX_set_default_verify_paths(context);
  for (const char* bundle : kBundles)
    if (sys::exists(bundle) && SSL_CTX_load_verify_locations(context, bundle, nullptr) == 1) break;
  for (const auto& path : certificates.authorities)
    if (SSL_CTX_load_verify_locations(context, path.c_str(), nullptr) != 1)
      return Error::make(ErrorKind::Invalid, "`" + path + "` holds no certificate: " + openssl_words());
  if (!certificates.certificate.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, certificates.certificate.c_str()) != 1)
      return Error::make(ErrorKind::Invalid,
                         "`" + certificates.certificate + "` holds no certificate: " + openssl_words());
    if (SSL_CTX_use_PrivateKey_file(context, certificates.key.c_str(), SSL_FILETYPE_PEM) != 1)
      return Error::make(ErrorKind::Invalid, "`" + certificates.key + "` is not the key of `" +
                                                 certificates.certificate + "`: " + openssl_words());
  }
  ERR_clear_error();
  return {};
}

Result<TlsContext> make_context(const TlsChoice& choice) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return Error::make(ErrorKind::Failed, "TLS cannot be set up: " + openssl_words());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Many servers close without saying so; lengths and digests are what tells a whole body.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_verify(context.get(), choice.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(context.get(), kHttp11, sizeof kHttp11);
  if (auto trusted = trust(context.get(), choice.certificates); !trusted) return trusted.error();
  return context;
}

bool is_address(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

// What an old or plain server answers to a TLS greeting.
bool speaks_no_tls(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return false;
  switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_TOO_SMALL: return true;
    default: return false;
  }
}

}  // namespace

void Wire::FreeTls::operator()(ssl_st* tls) const { SSL_free(tls); }

Wire::~Wire() {
  // One attempt at a farewell; whether it arrives does not matter.
  if (tls_ && SSL_is_init_finished(tls_.get())) SSL_shutdown(tls_.get());
  ERR_clear_error();
}

bool Wire::fail(Fault fault, Error error) {
  failure_ = HttpError(error.kind() == ErrorKind::Cancelled ? Fault::Cancelled : fault, std::move(error));
  return false;
}

bool Wire::connect(const std::string& host, std::uint16_t port) {
  auto addresses = resolve_host(host, patience_.stop_fd);
  if (!addresses) return fail(Fault::Unreachable, addresses.error());
  auto socket = sys::connect_tcp(host, *addresses, port, {.connect = patience_.connect, .stop_fd = patience_.stop_fd});
  if (!socket) {
    const bool slow = socket.error().kind() == ErrorKind::TimedOut;
    return fail(slow ? Fault::Broken : Fault::Unreachable, socket.error());
  }
  socket_ = std::move(*socket);
  return true;
}

bool Wire::await_tls(int result) {
  const int wanted = SSL_get_error(tls_.get(), result);
  if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) return false;
  auto ready = sys::await_ready(socket_.get(), wanted == SSL_ERROR_WANT_READ ? sys::Ready::Read : sys::Ready::Write,
                                patience_.idle, patience_.stop_fd);
  if (ready) return true;
  return fail(Fault::Broken, ready.error().while_doing("talking to " + peer_));
}

bool Wire::fail_tls(const char* doing, int result) {
  if (failure_.error().to_string() != "") return false;  // the wait's own reason
  const int problem = errno;
  const unsigned long code = ERR_peek_last_error();
  const std::string where = std::string(doing) + " " + peer_;
  if (const long verdict = SSL_get_verify_result(tls_.get());
      verdict != X509_V_OK && SSL_get_verify_mode(tls_.get()) != SSL_VERIFY_NONE)
    return fail(Fault::Certificate, Error::make(ErrorKind::Permission,
                                                "the certificate of " + peer_ +
                                                    " is not to be trusted: " + X509_verify_cert_error_string(verdict))
                                        .with_hint("put the certificate of its authority into /etc/berth/certs.d/" +
                                                   peer_ + "/ca.crt (or the same below /etc/docker)"));
  if (speaks_no_tls(code)) {
    ERR_clear_error();
    return fail(Fault::NotTls, Error::make(ErrorKind::Protocol, peer_ + " does not speak TLS"));
  }
  if (SSL_get_error(tls_.get(), result) == SSL_ERROR_SYSCALL && code == 0)
    return fail(Fault::Broken, problem ? Error::system(problem, where)
                                       : Error::make(ErrorKind::Protocol, peer_ + " closed the connection"));
  return fail(Fault::Broken, Error::make(ErrorKind::Protocol, where + ": " + openssl_words()));
}

bool Wire::start_tls(const std::string& host, const TlsChoice& choice) {
  auto context = make_context(choice);
  if (!context) return fail(Fault::Local, context.error());
  tls_.reset(SSL_new(context->get()));
  if (!tls_ || SSL_set_fd(tls_.get(), socket_.get()) != 1)
    return fail(Fault::Local, Error::make(ErrorKind::Failed, "TLS cannot be set up: " + openssl_words()));
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host.c_str());
  } else {
    SSL_set_tlsext_host_name(tls_.get(), host.c_str());
    SSL_set1_host(tls_.get(), host.c_str());
  }
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_connect(tls_.get());
    if (result == 1) return true;
    if (!await_tls(result)) return fail_tls("greeting", result);
  }
}

std::optional<std::size_t> Wire::read(char* buffer, std::size_t length) {
  for (;;) {
    errno = 0;
    if (tls_) {
      ERR_clear_error();
      std::size_t count = 0;
      const int result = SSL_read_ex(tls_.get(), buffer, length, &count);
      if (result == 1) return count;
      if (SSL_get_error(tls_.get(), result) == SSL_ERROR_ZERO_RETURN) return 0;
      if (await_tls(result)) continue;
      fail_tls("reading from", result);
      return std::nullopt;
    }
    const ssize_t n = ::recv(socket_.get(), buffer, length, 0);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      fail(Fault::Broken, Error::system(errno, "read from", peer_));
      return std::nullopt;
    }
    auto ready = sys::await_ready(socket_.get(), sys::Ready::Read, patience_.idle, patience_.stop_fd);
    if (!ready) {
      fail(Fault::Broken, ready.error().while_doing("talking to " + peer_));
      return std::nullopt;
    }
  }
}

bool Wire::write(std::string_view bytes) {
  while (!bytes.empty()) {
    errno = 0;
    if (tls_) {
      ERR_clear_error();
      std::size_t count = 0;
      const int result = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &count);
      if (result == 1)
        bytes.remove_prefix(count);
      else if (!await_tls(result))
        return fail_tls("sending to", result);
      continue;
    }
    const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return fail(Fault::Broken, Error::system(errno, "send to", peer_));
    auto ready = sys::await_ready(socket_.get(), sys::Ready::Write, patience_.idle, patience_.stop_fd);
    if (!ready) return fail(Fault::Broken, ready.error().while_doing("talking to " + peer_));
  }
  return true;
}

bool Wire::is_stale() const {
  pollfd one{socket_.get(), POLLIN, 0};
  return ::poll(&one, 1, 0) != 0;
}

}  // namespace berth::registry
