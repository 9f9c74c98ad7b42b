#include "berth/control/messages.hpp"

#include <array>
#include <cstring>
#include <utility>

#include "berth/text/json_codec.hpp"

namespace berth::control {
namespace {

constexpr std::array kNames{"Hello",  "HelloReply", "Shutdown",     "Problem", "Done",       "Up",          "Down",
                            "Act",    "Exec",       "Run",          "Follow",  "Wait",       "Signal",      "Detach",
                            "Cancel", "Queued",     "EventMessage", "LogLine", "LogsBehind", "ExecStarted", "Exited",
                            "Watch",  "Attached",   "Happened",     "Attach"};
static_assert(kNames.size() == std::variant_size_v<Message>);

template <std::size_t Index>
Result<Message> decode_as(std::string_view json) {
  auto message = json::decode_text<std::variant_alternative_t<Index, Message>>(json);
  if (!message) return message.error().while_doing(std::string("read a message of kind ") + kNames[Index]);
  return Message(std::in_place_index<Index>, std::move(*message));
}

template <std::size_t... Index>
constexpr auto decoders(std::index_sequence<Index...>) {
  return std::array{&decode_as<Index>...};
}

constexpr auto kDecoders = decoders(std::make_index_sequence<std::variant_size_v<Message>>());

}  // namespace

std::uint16_t kind_of(const Message& message) noexcept { return static_cast<std::uint16_t>(message.index() + 1); }

const char* name_of(const Message& message) noexcept { return kNames[message.index()]; }

std::string encode(const Message& message) {
  return std::visit([](const auto& alternative) { return json::encode_text(alternative); }, message);
}

Result<Message> decode(std::uint16_t kind, std::string_view json) {
  if (kind == 0 || kind > kDecoders.size())
    return Error::make(ErrorKind::Protocol, "unknown message kind " + std::to_string(kind));
  return kDecoders[kind - 1u](json);
}

Problem problem_of(const Error& error) {
  Problem out;
  out.text = error.to_string();
  out.hint = error.hint();
  out.key = error.key();
  return out;
}

}  // namespace berth::control
