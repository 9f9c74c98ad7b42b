// Flags that several commands have.
#pragma once

#include "berth/cli/options.hpp"

namespace berth::cli {

inline constexpr ValueKind kText = ValueKind::Text;
inline constexpr std::string_view kNoPublishing = "this version does not publish files";

inline constexpr Option kTimeout{.name = "timeout",
                                 .short_name = 't',
                                 .value = ValueKind::Seconds,
                                 .value_name = "SECONDS",
                                 .help = "Grace period before a container is killed"};
inline constexpr Option kRemoveOrphans{.name = "remove-orphans",
                                       .help = "Remove containers of services that the files do not define"};

inline constexpr Option kFreshVolumes{.name = "fresh-volumes",
                                      .help = "New volumes also where Docker's store holds data of their names"};

}  // namespace berth::cli
