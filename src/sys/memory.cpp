#include "berth/sys/memory.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

#include <cstddef>

namespace berth::sys {
namespace {

constexpr ElfW(Addr) kPage = 4096;

int release_constant_segments(dl_phdr_info* info, std::size_t, void*) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W)) continue;  // what was written must stay
    const auto begin = (info->dlpi_addr + segment.p_vaddr) & ~(kPage - 1);
    const auto end = info->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // a refusal costs memory only
  }
  return 1;  // the first is the program itself; libraries are other processes' too
}

}  // namespace

void release_memory() {
  malloc_trim(0);
  dl_iterate_phdr(release_constant_segments, nullptr);
}

}  // namespace berth::sys
