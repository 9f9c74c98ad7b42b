// What a request was about to do to the stack, written before the first step and cleared after the last. The next
// supervisor finds it and does the request again: every step is idempotent, and the plan is made anew from what there
// is.
#pragma once

#include <boost/describe/class.hpp>
#include <optional>
#include <string>

#include "berth/control/messages.hpp"
#include "berth/state/records.hpp"

namespace berth::supervisor {

struct Intent {
  int schema = 0;
  int attempts = 0;  // of successors; one that ends them all is given up
  int kind = 0;      // of the message; 0: nothing to be done again
  std::string request;
  bool operator==(const Intent&) const = default;
};

inline constexpr int kMostAttempts = 2;

Result<void> write_intent(const state::Paths& paths, const ProjectName& project, const control::Message& request,
                          int attempts);
// The request to be done again. Nothing: none was interrupted, or it was tried often enough (`given_up` says so).
// Counts the attempt on disk before it returns.
struct Interrupted {
  std::optional<control::Message> request;
  std::optional<Error> given_up;
};
Interrupted take_up_intent(const state::Paths& paths, const ProjectName& project);

BOOST_DESCRIBE_STRUCT(Intent, (), (schema, attempts, kind, request))

}  // namespace berth::supervisor
