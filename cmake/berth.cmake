# Build options and the two helpers that every module uses.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

option(BERTH_TESTS "build the tests" ON)
option(BERTH_FUZZ "build fuzz targets with libFuzzer (clang only); without it they replay their corpus" OFF)
option(BERTH_STATIC "link the program with no shared library: it starts faster, is smaller in memory and runs on any Linux" OFF)
set(BERTH_SANITIZE "" CACHE STRING "sanitizers for the program and the tests, as in -fsanitize=")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

add_library(berth_flags INTERFACE)
target_include_directories(berth_flags INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_compile_options(berth_flags INTERFACE -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -Werror=return-type -Werror=switch -fno-plt)
# Designated initialisers that name only what differs from the defaults are how this code reads.
target_compile_options(berth_flags INTERFACE -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(berth_flags INTERFACE -Wno-restrict)  # wrong about std::string there: GCC bug 105651
endif()
target_compile_definitions(berth_flags INTERFACE _GNU_SOURCE BOOST_ASIO_NO_DEPRECATED BERTH_VERSION="${PROJECT_VERSION}")
if(BERTH_SANITIZE)
  target_compile_options(berth_flags INTERFACE -fsanitize=${BERTH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(berth_flags INTERFACE -fsanitize=${BERTH_SANITIZE})
  if(BERTH_SANITIZE STREQUAL thread)
    target_compile_options(berth_flags INTERFACE -Wno-tsan)  # Asio's fences: each goes with a mutex, which it does see
  endif()
endif()

if(BERTH_FUZZ)  # coverage in every module; the driver comes with the targets
  target_compile_options(berth_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(BERTH_STATIC)  # before any package is looked for
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(Boost_USE_STATIC_LIBS ON)
  set(OPENSSL_USE_STATIC_LIBS ON)
  set(BERTH_FMT fmt::fmt-header-only)  # Debian has no libfmt.a
else()
  set(BERTH_FMT fmt::fmt)
endif()

# berth_module(NAME LINKS TARGET...): src/NAME/*.cpp become the static library berth_NAME.
function(berth_module name)
  cmake_parse_arguments(ARG "" "" "LINKS;PRIVATE_LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(NOT sources)  # headers only, so far
    add_library(berth_${name} INTERFACE)
    target_link_libraries(berth_${name} INTERFACE berth_flags ${ARG_LINKS})
    return()
  endif()
  add_library(berth_${name} STATIC ${sources})
  target_include_directories(berth_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(berth_${name} PUBLIC berth_flags ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
endfunction()
