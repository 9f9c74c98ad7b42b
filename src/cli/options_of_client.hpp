// The docker client's own flags, before the command. docker-compose 1 had them too, and the client hands them on to its
// plug-ins; so every name of the program knows them. Which daemon they name is checked where containers are touched.
#pragma once

#include "options_shared.hpp"

namespace berth::cli {

inline constexpr std::string_view kNoConnection = "no daemon is spoken to";

inline constexpr Option kClientHost{.name = "host",
                                    .short_name = 'H',
                                    .value = kText,
                                    .value_name = "ADDRESS",
                                    .help = "As DOCKER_HOST",
                                    .repeatable = true,
                                    .hidden = true};
inline constexpr Option kClientContext{.name = "context",
                                       .short_name = 'c',
                                       .value = kText,
                                       .value_name = "NAME",
                                       .help = "As DOCKER_CONTEXT",
                                       .hidden = true};
inline constexpr Option kClientConfig{
    .name = "config", .value = kText, .value_name = "DIR", .help = "As DOCKER_CONFIG", .hidden = true};
inline constexpr Option kClientDebug{.name = "debug",
                                     .short_name = 'D',
                                     .help = "Say more",
                                     .hidden = true,
                                     .effect = Effect::None,
                                     .why = "errors always say all there is"};
inline constexpr Option kClientLogLevel{.name = "log-level",
                                        .short_name = 'l',
                                        .value = kText,
                                        .value_name = "LEVEL",
                                        .help = "What is said",
                                        .hidden = true,
                                        .effect = Effect::None,
                                        .why = "errors always say all there is"};
inline constexpr Option kClientTls{
    .name = "tls", .help = "Use TLS", .hidden = true, .effect = Effect::None, .why = kNoConnection};
inline constexpr Option kClientTlsCaCert{.name = "tlscacert",
                                         .value = kText,
                                         .value_name = "FILE",
                                         .help = "Authority of the daemon",
                                         .hidden = true,
                                         .effect = Effect::None,
                                         .why = kNoConnection};
inline constexpr Option kClientTlsCert{.name = "tlscert",
                                       .value = kText,
                                       .value_name = "FILE",
                                       .help = "Certificate",
                                       .hidden = true,
                                       .effect = Effect::None,
                                       .why = kNoConnection};
inline constexpr Option kClientTlsKey{.name = "tlskey",
                                      .value = kText,
                                      .value_name = "FILE",
                                      .help = "Key",
                                      .hidden = true,
                                      .effect = Effect::None,
                                      .why = kNoConnection};
inline constexpr Option kClientTlsVerify{
    .name = "tlsverify", .help = "Verify the daemon", .hidden = true, .effect = Effect::None, .why = kNoConnection};

}  // namespace berth::cli
