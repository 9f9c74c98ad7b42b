#include "berth/base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace berth {
namespace {

TEST(Error, AddsOneLinePerLayerAndKeepsTheCause) {
  const Error error =
      Error::system(ENOENT, "open", "/x").while_doing("reading the record of `web-1`").while_doing("bringing it up");
  EXPECT_EQ(error.kind(), ErrorKind::NotFound);
  EXPECT_EQ(error.errno_value(), ENOENT);
  EXPECT_EQ(error.to_string(),
            "open `/x`: No such file or directory (while reading the record of `web-1`, while bringing it up)");
}

// A reference to itself as the result would move the error onto itself, and its message would be gone.
TEST(Error, CanBeAssignedToItself) {
  Error error = Error::make(ErrorKind::Invalid, "no service is called `wbe`");
  error = std::move(error).with_hint("did you mean `web`?");
  error = std::move(error).while_doing("starting");
  error = std::move(error).with_key("web");
  EXPECT_EQ(error.to_string(), "no service is called `wbe` (while starting)");
  EXPECT_EQ(error.hint(), "did you mean `web`?");
  EXPECT_EQ(error.key(), "web");
}

}  // namespace
}  // namespace berth
