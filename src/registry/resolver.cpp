#include "resolver.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <random>

#include "berth/network/files.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/inet_socket.hpp"
#include "berth/sys/tcp_client.hpp"
#include "dns_message.hpp"

namespace berth::registry {
namespace {

using ResolverTime = std::chrono::steady_clock;
constexpr auto kServerPatience = std::chrono::milliseconds(2500);
constexpr int kRounds = 2;
constexpr std::uint16_t kDnsPort = 53;

bool is_ip_address(const std::string& host) {
  unsigned char binary[16];
  return ::inet_pton(AF_INET, host.c_str(), binary) == 1 || ::inet_pton(AF_INET6, host.c_str(), binary) == 1;
}

// The names to ask for, in order: as resolv.conf(5) says of ndots and search.
std::vector<std::string> candidates(const std::string& host, const network::ResolvConf& conf) {
  if (host.ends_with('.')) return {host};
  std::size_t ndots = 1;
  for (const auto& option : conf.options)
    if (option.starts_with("ndots:")) ndots = static_cast<std::size_t>(std::atoi(option.c_str() + 6));
  std::size_t dots = 0;
  for (const char c : host) dots += c == '.';
  std::vector<std::string> out;
  for (const auto& domain : conf.search)
    if (domain != ".") out.push_back(host + "." + domain);
  out.insert(dots >= ndots ? out.begin() : out.end(), host);
  return out;
}

std::uint16_t random_id() { return static_cast<std::uint16_t>(std::random_device{}()); }

struct Question {
  DnsType type;
  std::uint16_t id;
  std::string bytes;
  std::optional<DnsAnswer> answer;
};

class NameServer {
 public:
  NameServer(std::string address, int stop_fd) : address_(std::move(address)), stop_fd_(stop_fd) {}

  // Both questions answered, or an error: then the next server is asked.
  Result<void> ask(const std::string& name, std::array<Question, 2>& questions) {
    auto socket = sys::connect_inet(sys::InetKind::Udp, address_, kDnsPort);
    if (!socket) return socket.error();
    for (const auto& question : questions)
      if (::send(socket->get(), question.bytes.data(), question.bytes.size(), MSG_NOSIGNAL) < 0)
        return Error::system(errno, "ask the name server", address_);
    const auto end = ResolverTime::now() + kServerPatience;
    std::array<char, 4096> buffer;
    while (!questions[0].answer || !questions[1].answer) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - ResolverTime::now());
      BERTH_TRY(sys::await_ready(socket->get(), sys::Ready::Read, left, stop_fd_));
      const ssize_t n = ::recv(socket->get(), buffer.data(), buffer.size(), 0);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (n < 0) return Error::system(errno, "ask the name server", address_);
      for (auto& question : questions) {
        // What is no answer to us is passed over: anybody may send.
        auto answer = parse_dns_answer({buffer.data(), static_cast<std::size_t>(n)}, question.id, name, question.type);
        if (answer && !question.answer) question.answer = std::move(*answer);
      }
    }
    for (auto& question : questions) {
      if (question.answer->truncated) BERTH_TRY(ask_by_tcp(name, question));
      if (question.answer->code != 0 && question.answer->code != 3)
        return Error::make(ErrorKind::Failed, "the name server " + address_ + " failed with code " +
                                                  std::to_string(question.answer->code));
    }
    return {};
  }

 private:
  Result<void> ask_by_tcp(const std::string& name, Question& question) {
    auto socket = sys::connect_tcp(address_, {address_}, kDnsPort, {.connect = kServerPatience, .stop_fd = stop_fd_});
    if (!socket) return socket.error();
    std::string message{static_cast<char>(question.bytes.size() >> 8), static_cast<char>(question.bytes.size() & 255)};
    message += question.bytes;
    if (::send(socket->get(), message.data(), message.size(), MSG_NOSIGNAL) < 0)
      return Error::system(errno, "ask the name server", address_);
    std::string got;
    std::size_t wanted = 2;
    std::array<char, 4096> buffer;
    while (got.size() < wanted) {
      BERTH_TRY(sys::await_ready(socket->get(), sys::Ready::Read, kServerPatience, stop_fd_));
      const ssize_t n = ::recv(socket->get(), buffer.data(), buffer.size(), 0);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (n <= 0) return Error::make(ErrorKind::Protocol, "the name server " + address_ + " closed the connection");
      got.append(buffer.data(), static_cast<std::size_t>(n));
      if (got.size() >= 2)
        wanted = 2 + (std::size_t{static_cast<unsigned char>(got[0])} << 8 | static_cast<unsigned char>(got[1]));
    }
    auto answer = parse_dns_answer(std::string_view(got).substr(2, wanted - 2), question.id, name, question.type);
    if (!answer) return answer.error();
    question.answer = std::move(*answer);
    return {};
  }

  std::string address_;
  int stop_fd_;
};

// Empty: there is no such name, or it has no address.
Result<std::vector<std::string>> ask_servers(const std::string& name, const std::vector<std::string>& servers,
                                             int stop_fd) {
  std::array<Question, 2> questions{Question{DnsType::Aaaa, random_id(), {}, {}},
                                    Question{DnsType::A, random_id(), {}, {}}};
  for (auto& question : questions) {
    auto bytes = dns_question(question.id, name, question.type);
    if (!bytes) return bytes.error();
    question.bytes = std::move(*bytes);
  }
  Error last = Error::make(ErrorKind::NotFound, "there is no name server in /etc/resolv.conf");
  for (int round = 0; round < kRounds; ++round)
    for (const auto& server : servers) {
      for (auto& question : questions) question.answer.reset();
      auto asked = NameServer(server, stop_fd).ask(name, questions);
      if (asked) {
        std::vector<std::string> out;
        for (const auto& question : questions)
          out.insert(out.end(), question.answer->addresses.begin(), question.answer->addresses.end());
        return out;
      }
      last = asked.error();
      if (last.kind() == ErrorKind::Cancelled) return last;
    }
  return last;
}

}  // namespace

Result<std::vector<std::string>> resolve_host(const std::string& host, int stop_fd) {
  if (is_ip_address(host)) return std::vector<std::string>{host};
  if (const auto hosts = sys::read_file("/etc/hosts"))
    if (auto known = addresses_in_hosts(*hosts, host); !known.empty()) return known;
  if (host == "localhost" || host.ends_with(".localhost")) return std::vector<std::string>{"127.0.0.1", "::1"};
  network::ResolvConf conf;
  if (const auto text = sys::read_file("/etc/resolv.conf")) conf = network::parse_resolv_conf(*text);
  if (conf.servers.empty()) conf.servers = {"127.0.0.1"};  // as resolv.conf(5) says
  for (const auto& name : candidates(host, conf)) {
    auto found = ask_servers(name, conf.servers, stop_fd);
    if (!found) return found.error().while_doing("resolving `" + host + "`");
    if (!found->empty()) return found;
  }
  return Error::make(ErrorKind::NotFound, "there is no host `" + host + "`")
      .with_hint("look for a mistake in the name of the registry");
}

}  // namespace berth::registry
