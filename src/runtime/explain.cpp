// Why a program could not be executed, from the file itself.
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>

#include "berth/runtime/explain.hpp"
#include "berth/sys/file.hpp"

namespace berth::runtime {

namespace {

struct FoundProgram {
  std::string path;
  mode_t mode = 0;
  std::string head;  // its first bytes
};

Result<sys::UniqueFd> open_seen(const SeenFiles& files, const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  const std::string plain = std::filesystem::path(path).lexically_normal();
  const std::pair<std::string, std::string>* innermost = nullptr;
  for (const auto& mount : files.mounts) {
    const auto& target = mount.first;
    const bool over = plain == target || plain.rfind(target + "/", 0) == 0;
    if (over && (!innermost || innermost->first.size() < target.size())) innermost = &mount;
  }
  if (!innermost) return sys::open_in_root(files.root, plain, kFlags);
  if (plain == innermost->first) return sys::open(innermost->second, kFlags);
  auto directory = sys::open(innermost->second, O_PATH | O_DIRECTORY);
  if (!directory) return directory.error();
  return sys::open_in_root(directory->get(), plain.substr(innermost->first.size()), kFlags);
}

std::optional<FoundProgram> look_at(const SeenFiles& files, const std::string& path) {
  auto file = open_seen(files, path);
  struct stat info {};
  if (!file || fstat(file->get(), &info) != 0) return std::nullopt;
  FoundProgram found{path, info.st_mode, std::string(256, '\0')};
  const ssize_t size = S_ISREG(info.st_mode) ? pread(file->get(), found.head.data(), found.head.size(), 0) : 0;
  found.head.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return found;
}

std::optional<FoundProgram> find_program(const SeenFiles& files, const std::string& program, const std::string& path,
                                         const std::string& cwd) {
  if (program.find('/') != std::string::npos) return look_at(files, program[0] == '/' ? program : cwd + "/" + program);
  std::optional<FoundProgram> second_best;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    auto found = look_at(files, path.substr(at, end - at) + "/" + program);
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

std::optional<Error> explain_script(const SeenFiles& files, const FoundProgram& file) {
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
  if (!look_at(files, interpreter))
    return Error::make(ErrorKind::NotFound,
                       "`" + file.path + "` wants the interpreter `" + interpreter + "`, which is not in the image")
        .with_hint("install it in the image, or begin the script with one that is there, such as `#!/bin/sh`");
  return std::nullopt;
}

std::optional<Error> explain_binary(const SeenFiles& files, const FoundProgram& file, int errno_value) {
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
    if (look_at(files, loader)) return std::nullopt;
  return Error::make(ErrorKind::NotFound, "`" + file.path + "` needs a dynamic loader that is not in the image")
      .with_hint("link it statically, or use an image with a C library");
}

}  // namespace

Error explain_exec_failure(const SeenFiles& files, const std::string& program, const std::string& path,
                           const std::string& cwd, int errno_value) {
  const auto found = find_program(files, program, path, cwd);
  if (!found) {
    if (program.find('/') != std::string::npos)
      return Error::make(ErrorKind::NotFound, "`" + program + "` is not in the image")
          .with_hint("copy it there in the Dockerfile, or correct `entrypoint` or `command`");
    return Error::make(ErrorKind::NotFound, "`" + program + "` was not found in $PATH (" + path + ")")
        .with_hint("install it in the image, or correct `command`");
  }
  if (S_ISDIR(found->mode))
    return Error::make(ErrorKind::Permission, "`" + found->path + "` is a directory")
        .with_hint("correct `entrypoint` or `command`: it is to name a program");
  if ((found->mode & 0111) == 0)
    return Error::make(ErrorKind::Permission, "`" + found->path + "` is not executable")
        .with_hint("run `chmod +x` on it, and build the image again where it is a part of that");
  if (found->head.rfind("#!", 0) == 0)
    if (auto why = explain_script(files, *found)) return *why;
  if (found->head.rfind(ELFMAG, 0) == 0)
    if (auto why = explain_binary(files, *found, errno_value)) return *why;
  if (errno_value == ENOEXEC)
    return Error::make(ErrorKind::Invalid, "`" + found->path + "` is neither a program nor a script with a `#!` line")
        .with_hint("begin it with `#!/bin/sh`");
  return Error::system(errno_value, "execute", found->path);
}

}  // namespace berth::runtime
