#!/bin/sh
# Every source file is as clang-format leaves it.
cd "$1" && git ls-files 'src/*.cpp' 'src/*.hpp' 'include/*.hpp' 'tests/*.cpp' 'tests/*.hpp' | xargs "$(command -v clang-format-14 || command -v clang-format)" --dry-run -Werror
