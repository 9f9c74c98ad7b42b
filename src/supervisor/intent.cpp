#include "intent.hpp"

#include "berth/text/json_codec.hpp"

namespace berth::supervisor {
namespace {

constexpr int kSchema = 1;

}  // namespace

Result<void> write_intent(const state::Paths& paths, const ProjectName& project, const control::Message& request,
                          int attempts) {
  Intent intent;
  intent.schema = kSchema;
  intent.attempts = attempts;
  intent.kind = control::kind_of(request);
  intent.request = control::encode(request);
  return state::write_intent(paths, project, json::encode_text(intent));
}

Interrupted take_up_intent(const state::Paths& paths, const ProjectName& project) {
  Interrupted result;
  const auto give_up = [&](Error why) {
    result.given_up = std::move(why);
    if (auto cleared = state::clear_intent(paths, project); !cleared) result.given_up = cleared.error();
    return std::move(result);
  };
  auto text = state::read_intent(paths, project);
  if (!text) return give_up(text.error());
  if (!*text) return result;
  auto intent = json::decode_text<Intent>(**text);
  if (!intent) return give_up(intent.error().while_doing("reading what was interrupted"));
  if (intent->schema > kSchema)
    return give_up(Error::make(ErrorKind::Unsupported, "what was interrupted was written by a newer berth"));
  if (intent->attempts >= kMostAttempts)
    return give_up(Error::make(ErrorKind::Failed, "what was interrupted has ended " + std::to_string(intent->attempts) +
                                                      " supervisors; it is not tried again"));
  auto request = control::decode(static_cast<std::uint16_t>(intent->kind), intent->request);
  if (!request) return give_up(request.error().while_doing("reading what was interrupted"));
  if (auto counted = write_intent(paths, project, *request, intent->attempts + 1); !counted)
    return give_up(counted.error());
  result.request = std::move(*request);
  return result;
}

}  // namespace berth::supervisor
