// Who is asked about an image: the mirrors of docker.io first; what they cannot give, the registry itself gives.
#pragma once

#include <functional>
#include <string>

#include "berth/image/reference.hpp"
#include "lane.hpp"

namespace berth::registry {

// `ask` gets a session with the next of them until it has what it wants. Credentials of each are its own.
template <class T>
Result<T> ask_in_turn(const Network& network, Transport& transport, const image::Reference& reference,
                      const std::function<void(const std::string& why)>& on_retry,
                      const std::function<Result<T>(Session&)>& ask) {
  const auto with = [&](Result<Access> access) -> Result<T> {
    if (!access) return access.error();
    Session session(transport, std::move(*access), network.surroundings());
    if (on_retry) session.on_retry = [&](const std::string& why, std::chrono::milliseconds) { on_retry(why); };
    return ask(session);
  };
  if (reference.domain == "docker.io")
    for (const auto& mirror : network.settings().mirrors) {
      auto answer = with(network.access_to_mirror(mirror, {pull_scope(reference.path)}));
      if (answer || answer.error().kind() == ErrorKind::Cancelled) return answer;
    }
  return with(network.access(reference.domain, reference.path, {pull_scope(reference.path)}));
}

}  // namespace berth::registry
