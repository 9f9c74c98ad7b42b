// Names of images as people write them, and in full: `nginx` is `docker.io/library/nginx:latest`. Pure.
#pragma once

#include <string>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::image {

struct Reference {
  std::string domain;  // "docker.io", "localhost:5000"
  std::string path;    // "library/nginx"
  std::string tag;     // empty only where there is a digest
  std::string digest;  // "sha256:…", or empty

  std::string to_string() const;   // in full: domain/path[:tag][@digest]
  std::string repository() const;  // as docker shows it, without tag: "nginx", "quay.io/a/b"
  std::string familiar() const;    // as docker shows it: "nginx:latest"
  bool operator==(const Reference&) const = default;
};

// The first component is a domain only if it holds `.` or `:`, is `localhost` or has a capital letter.
// Refuses 64 hex digits (an id), capital letters in the path, more than 255 bytes of name.
Result<Reference> parse_reference(std::string_view text);

}  // namespace berth::image
