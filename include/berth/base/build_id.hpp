// Which build of berth this program is. Client and supervisor of a stack compare it: where they differ, the newly
// installed program takes the stack over (control/messages.hpp).
#pragma once

namespace berth {

const char* build_id() noexcept;

}  // namespace berth
