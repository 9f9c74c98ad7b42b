#include "berth/keeper/programs.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "berth/sys/file.hpp"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif

asm(".section .rodata\n"
    ".globl berth_keeper_begin\n.globl berth_keeper_end\n.globl berth_stub_begin\n.globl berth_stub_end\n"
    ".balign 16\nberth_keeper_begin:\n.incbin \"" BERTH_KEEPER_FILE
    "\"\nberth_keeper_end:\n"
    ".balign 16\nberth_stub_begin:\n.incbin \"" BERTH_INIT_STUB_FILE
    "\"\nberth_stub_end:\n"
    ".byte 0\n.previous\n");

extern "C" {
extern const std::byte berth_keeper_begin[], berth_keeper_end[], berth_stub_begin[], berth_stub_end[];
}

namespace berth {

std::span<const std::byte> keeper_program() { return {berth_keeper_begin, berth_keeper_end}; }
std::span<const std::byte> init_stub_program() { return {berth_stub_begin, berth_stub_end}; }

Result<sys::UniqueFd> program_memfd(const char* name, std::span<const std::byte> program) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return Error::system(errno, "make a memory file for", name);
  sys::UniqueFd file(fd);
  BERTH_TRY(sys::write_all(fd, {reinterpret_cast<const char*>(program.data()), program.size()}, name));
  if (fchmod(fd, 0555) != 0) return Error::system(errno, "make executable", name);
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return Error::system(errno, "seal", name);
  return file;
}

}  // namespace berth
