#include "berth/model/json.hpp"

#include <openssl/evp.h>

#include "berth/base/assert.hpp"
#include "berth/text/json_codec.hpp"

namespace berth::model {

namespace {

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  BERTH_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) == 1);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * length);
  for (unsigned i = 0; i < length; ++i) {
    hex += kHex[digest[i] >> 4];
    hex += kHex[digest[i] & 15];
  }
  return hex;
}

}  // namespace

boost::json::value to_json(const Project& project) { return json::encode(project); }
boost::json::value to_json(const Service& service) { return json::encode(service); }
std::string to_json_text(const Project& project) { return json::encode_text(project); }
Result<Project> from_json(const boost::json::value& value) { return json::decode<Project>(value); }
Result<Project> from_json_text(std::string_view text) { return json::decode_text<Project>(text); }

std::string config_hash(const Service& service) {
  Service counted = service;
  counted.build.reset();
  counted.pull_policy.clear();
  counted.pull_refresh_after.clear();
  counted.scale = 1;
  counted.depends_on.clear();
  counted.profiles.clear();
  return sha256_hex(json::encode_text(counted));
}

std::string text_hash(std::string_view text) { return sha256_hex(text); }
std::string config_hash(const Network& network) { return sha256_hex(json::encode_text(network)); }
std::string config_hash(const Volume& volume) { return sha256_hex(json::encode_text(volume)); }

}  // namespace berth::model
