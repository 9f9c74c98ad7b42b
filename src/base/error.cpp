#include "berth/base/error.hpp"

#include <cerrno>
#include <cstring>

namespace berth {
namespace {

ErrorKind kind_of(int errno_value) {
  switch (errno_value) {
    case ENOENT: return ErrorKind::NotFound;
    case EEXIST: return ErrorKind::AlreadyExists;
    case EPERM:
    case EACCES: return ErrorKind::Permission;
    case EBUSY:
    case EADDRINUSE: return ErrorKind::Busy;
    case ENOSPC:
    case EDQUOT: return ErrorKind::NoSpace;
    case ENOSYS:
    case EOPNOTSUPP: return ErrorKind::Unsupported;
    case ECANCELED: return ErrorKind::Cancelled;
    case ETIMEDOUT: return ErrorKind::TimedOut;
    default: return ErrorKind::System;
  }
}

}  // namespace

Error::Error(ErrorKind kind, int errno_value, std::string message)
    : kind_(kind), errno_(errno_value), message_(std::move(message)) {}

Error Error::system(int errno_value, std::string operation, std::string subject) {
  std::string message = std::move(operation);
  if (!subject.empty()) message += " `" + subject + "`";
  message += std::string(": ") + std::strerror(errno_value);
  return {kind_of(errno_value), errno_value, std::move(message)};
}

Error Error::make(ErrorKind kind, std::string message) { return {kind, 0, std::move(message)}; }

Error Error::while_doing(std::string context) && {
  context_.push_back(std::move(context));
  return std::move(*this);
}

Error Error::while_doing(std::string context) const& {
  Error copy = *this;
  copy.context_.push_back(std::move(context));
  return copy;
}

Error Error::with_hint(std::string hint) && {
  hint_ = std::move(hint);
  return std::move(*this);
}

Error Error::with_key(std::string key) && {
  key_ = std::move(key);
  return std::move(*this);
}

std::string Error::to_string() const {
  std::string text = message_;
  for (std::size_t i = 0; i < context_.size(); ++i) text += (i == 0 ? " (while " : ", while ") + context_[i];
  if (!context_.empty()) text += ")";
  return text;
}

Failure::Failure(Error error) : error_(std::move(error)), text_(error_.to_string()) {}

void throw_exception_from_error(const Error& error, const boost::source_location&) { throw Failure(error); }

}  // namespace berth
