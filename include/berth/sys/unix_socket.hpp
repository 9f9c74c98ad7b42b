// Unix stream sockets with descriptor passing. Paths may be longer than the 107 bytes that a socket address holds: the
// directory is opened and addressed as /proc/self/fd/N/name.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// A listening socket (non-blocking) at `path`, mode 0600; an existing file there is replaced. The file appears when
// connecting works, not before.
Result<UniqueFd> listen_unix(const std::string& path);
// Connected, non-blocking. NotFound where there is no socket or nobody listens.
Result<UniqueFd> connect_unix(const std::string& path);
// The next waiting connection, non-blocking; empty where none waits.
Result<UniqueFd> accept_unix(int listening);
Result<PeerCredentials> peer_credentials(int socket);

// Bytes taken by the socket (0: it is full); `descriptors` go with the first byte.
Result<std::size_t> send_some(int socket, std::string_view bytes, const std::vector<int>& descriptors = {});

struct ReceivedBytes {
  std::size_t size = 0;
  bool ended = false;                 // the peer has closed
  std::vector<UniqueFd> descriptors;  // O_CLOEXEC
};
// size 0 and not ended: nothing there yet. Descriptors that did not fit (or hit our limit) are an error, never half a
// set.
Result<ReceivedBytes> receive_some(int socket, std::span<char> into);

// Connected to `address` (a path, or `@name` of the abstract kind); the process gets the signal when the peer closes
// it, for as long as the descriptor lives. Nothing else is expected from the peer.
Result<UniqueFd> signal_on_hangup(const std::string& address, int signal);

Result<UniqueFd> duplicate(int fd);  // O_CLOEXEC

}  // namespace berth::sys
