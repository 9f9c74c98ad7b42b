// Memory that a long-lived process does not need while it waits.
#pragma once

namespace berth::sys {

// Gives back free heap, and unmaps the program's code and constants: what is needed again comes back from the page
// cache, a fault for each 64 KB. For a process that has done much and will do little.
void release_memory();

}  // namespace berth::sys
