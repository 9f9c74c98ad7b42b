// The process per stack. Started by the keeper (descriptors 3 and 4 are its ends of keeper and zygote) as
// `berth __supervisor ROOT RUN_ROOT PROJECT`; serves RUN/<project>/control.sock until nothing runs and nobody asks.
#pragma once

#include <string>
#include <vector>

namespace berth::supervisor {

// `arguments`: after `__supervisor`. The exit code of the process; errors go to RUN/<project>/supervisor.log.
int run(const std::vector<std::string>& arguments);

}  // namespace berth::supervisor
