// What is asked for a token and what comes back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/registry/credentials.hpp"
#include "berth/registry/http.hpp"

namespace berth::registry {

struct TokenAnswer {
  std::string token;
};
// `token` or `access_token`; refuses what could not stand in a header.
Result<TokenAnswer> parse_token_answer(std::string_view json);

std::string basic_authorization(const Credential& credential);  // of the user and the password, or the identity token
std::string percent_encoded(std::string_view text);
// The body of a POST with grant_type=refresh_token.
std::string token_form(const std::string& service, const std::vector<std::string>& scopes,
                       const std::string& refresh_token);
// The realm with service, scopes and account as its query, behind what it has.
Url with_token_query(Url realm, const std::string& service, const std::vector<std::string>& scopes,
                     const std::optional<Credential>& credential);

}  // namespace berth::registry
