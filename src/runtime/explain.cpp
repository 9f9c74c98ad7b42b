// Why a program could not be executed, from the file itself.
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "berth/runtime/user.hpp"
#include "berth/sys/file.hpp"

namespace berth::runtime {

namespace {

struct FoundProgram {
  std::string path;
  mode_t mode = 0;
  std::string head;  // its first bytes
};

std::optional<FoundProgram> look_at(int root_fd, const std::string& path) {
  auto file = sys::open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info {};
  if (!file || fstat(file->get(), &info) != 0) return std::nullopt;
  FoundProgram found{path, info.st_mode, std::string(256, '\0')};
  const ssize_t size = S_ISREG(info.st_mode) ? pread(file->get(), found.head.data(), found.head.size(), 0) : 0;
  found.head.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return found;
}

std::optional<FoundProgram> find_program(int root_fd, const std::string& program, const std::string& path,
                                         const std::string& cwd) {
  if (program.find('/') != std::string::npos)
    return look_at(root_fd, program[0] == '/' ? program : cwd + "/" + program);
  std::optional<FoundProgram> second_best;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    auto found = look_at(root_fd, path.substr(at, end - at) + "/" + program);
    at = end + 1;
    if (!found || !S_ISREG(found->mode)) continue;
    if ((found->mode & 0111) != 0) return found;
    if (!second_best) second_best = std::move(found);
  }
  return second_best;
}

const char* machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64: return "amd64";
    case EM_386: return "386";
    case EM_AARCH64: return "arm64";
    case EM_ARM: return "arm";
    case EM_PPC64: return "ppc64le";
    case EM_S390: return "s390x";
    case EM_RISCV: return "riscv64";
    default: return "another architecture";
  }
}

std::optional<Error> explain_script(int root_fd, const FoundProgram& file) {
  const std::string line = file.head.substr(2, file.head.find('\n') - 2);
  const auto first = line.find_first_not_of(" \t");
  if (first == std::string::npos) return Error::make(ErrorKind::NotFound, "`" + file.path + "` has an empty `#!` line");
  const std::string interpreter = line.substr(first, line.find_first_of(" \t\r", first) - first);
  if (!line.empty() && line.back() == '\r')
    return Error::make(ErrorKind::NotFound,
                       "`" + file.path +
                           "` has Windows line endings: its `#!` line ends with CRLF, so the kernel looks for `" +
                           interpreter + "\\r`")
        .with_hint("convert it with `sed -i 's/\\r$//'` and keep it so with `*.sh text eol=lf` in .gitattributes");
  if (!look_at(root_fd, interpreter))
    return Error::make(ErrorKind::NotFound,
                       "`" + file.path + "` wants the interpreter `" + interpreter + "`, which is not in the image");
  return std::nullopt;
}

std::optional<Error> explain_binary(int root_fd, const FoundProgram& file, int errno_value) {
  Elf64_Ehdr header{};
  if (file.head.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, file.head.data(), sizeof header);
  if (header.e_machine != EM_X86_64 && header.e_machine != EM_386)
    return Error::make(ErrorKind::Invalid,
                       "`" + file.path + "` is built for " + machine_name(header.e_machine) + ", this machine is amd64")
        .with_hint("build or pull the image for linux/amd64");
  if (errno_value != ENOENT) return std::nullopt;
  // A dynamic program whose loader is missing says ENOENT too.
  for (const char* loader : {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"})
    if (look_at(root_fd, loader)) return std::nullopt;
  return Error::make(ErrorKind::NotFound, "`" + file.path + "` needs a dynamic loader that is not in the image")
      .with_hint("link it statically, or use an image with a C library");
}

}  // namespace

Error explain_exec_failure(int root_fd, const std::string& program, const std::string& path, const std::string& cwd,
                           int errno_value) {
  const auto found = find_program(root_fd, program, path, cwd);
  if (!found) {
    if (program.find('/') != std::string::npos)
      return Error::make(ErrorKind::NotFound, "`" + program + "` is not in the image");
    return Error::make(ErrorKind::NotFound, "`" + program + "` was not found in $PATH (" + path + ")");
  }
  if (S_ISDIR(found->mode)) return Error::make(ErrorKind::Permission, "`" + found->path + "` is a directory");
  if ((found->mode & 0111) == 0)
    return Error::make(ErrorKind::Permission, "`" + found->path + "` is not executable")
        .with_hint("run `chmod +x` on it before the image is built");
  if (found->head.rfind("#!", 0) == 0)
    if (auto why = explain_script(root_fd, *found)) return *why;
  if (found->head.rfind(ELFMAG, 0) == 0)
    if (auto why = explain_binary(root_fd, *found, errno_value)) return *why;
  if (errno_value == ENOEXEC)
    return Error::make(ErrorKind::Invalid, "`" + found->path + "` is neither a program nor a script with a `#!` line")
        .with_hint("begin it with `#!/bin/sh`");
  return Error::system(errno_value, "execute", found->path);
}

}  // namespace berth::runtime
