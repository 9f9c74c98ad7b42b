#include "berth/base/build_id.hpp"

namespace berth {

namespace {
const char kBuildId[] = BERTH_VERSION;
}

const char* build_id() noexcept { return kBuildId; }

}  // namespace berth
