// What the world said no with. An Error is a kind to branch on, an errno where the kernel gave one, the operation and
// its subject, and one context line per layer that had something to add:
//
//   mount `overlay` on `/x/root`: Invalid argument (while preparing the root file system of web-1)
//
// Results carry it: Result<T> = boost::system::result<T, Error>. Return Result where a caller will branch; throw
// Failure (which wraps an Error) where callers can only unwind; `must` is the one bridge between the two.
#pragma once

#include <boost/system/result.hpp>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

enum class ErrorKind {
  System,         // a system call failed with an errno that has no kind of its own here
  NotFound,       // ENOENT, unknown name or id
  AlreadyExists,  // EEXIST, a name that is taken
  Permission,     // EPERM, EACCES
  Busy,           // EBUSY, a lock or port that somebody holds
  NoSpace,        // ENOSPC, EDQUOT
  Invalid,        // the request makes no sense as given
  Unsupported,    // the kernel or this build cannot do it
  Protocol,       // bytes from elsewhere are not what they must be
  Cancelled,      // somebody asked us to stop
  TimedOut,
  Failed,  // it was tried and did not work out; the message says why
};

class Error {
 public:
  // Nothing failed. Only Boost's result needs it: error() of a Result that holds a value.
  Error() = default;
  // `operation` is a verb phrase ("open", "mount overlay"), `subject` what it was done to.
  static Error system(int errno_value, std::string operation, std::string subject = {});
  static Error make(ErrorKind kind, std::string message);

  ErrorKind kind() const noexcept { return kind_; }
  int errno_value() const noexcept { return errno_; }  // 0 where no system call was involved
  const std::string& hint() const noexcept { return hint_; }
  const std::string& key() const noexcept { return key_; }

  // Each layer adds one line or none; the cause is never rewritten.
  Error while_doing(std::string context) &&;
  Error while_doing(std::string context) const&;
  // The likely way out, shown on a line of its own: "hint: ...".
  Error with_hint(std::string hint) &&;
  // Which value of the compose file it is about, below `services`: "web.ports.0", or "web" where no value stands out.
  Error with_key(std::string key) &&;

  // One line, lower case, no final period, without the hint.
  std::string to_string() const;

 private:
  Error(ErrorKind kind, int errno_value, std::string message);

  ErrorKind kind_ = ErrorKind::Failed;
  int errno_ = 0;
  std::string message_;
  std::vector<std::string> context_;
  std::string hint_;
  std::string key_;
};

template <class T = void>
using Result = boost::system::result<T, Error>;

// Wraps an Error for unwinding. Caught at three places: a plan node, a supervised service, main.
class Failure : public std::exception {
 public:
  explicit Failure(Error error);
  const Error& error() const noexcept { return error_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  Error error_;
  std::string text_;
};

// Found by argument-dependent lookup when result<T, Error>::value() has no value.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& location);

template <class T>
T must(Result<T> result) {
  if (!result) throw Failure(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace berth

// Hands the error of `expression` (a Result) to the caller of the current function. The name inside has a number of its
// own: the expression may be a call with a lambda that itself uses BERTH_TRY.
#define BERTH_TRY(expression) BERTH_TRY_NUMBERED(__COUNTER__, expression)
#define BERTH_TRY_NUMBERED(number, expression) BERTH_TRY_PASTED(number, expression)
#define BERTH_TRY_PASTED(number, expression)                                                            \
  do {                                                                                                  \
    if (auto berth_try_##number = (expression); !berth_try_##number) return berth_try_##number.error(); \
  } while (false)
