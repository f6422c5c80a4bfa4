# SPDX-License-Identifier: GPL-3.0-or-later
# Language level, warnings, output folders and compiler cache for every target. Floating-point contraction is off everywhere: the same numbers on every CPU.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

find_program(BITWRIGHT_CCACHE ccache)
if(BITWRIGHT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${BITWRIGHT_CCACHE})
endif()
# lld links fast, too, and right: Debian 12's mold 1.10 lets RELRO begin one page before its segment when thread-local bytes end just before a page (such a
# program does not start: "cannot apply additional memory protection after relocation"), and does not come to an end on some Qt programs.
find_program(BITWRIGHT_LLD ld.lld)
if(BITWRIGHT_LLD AND NOT CMAKE_CROSSCOMPILING)
  add_link_options(-fuse-ld=lld)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -ffp-contract=off)
if(BITWRIGHT_WERROR)
  add_compile_options(-Werror)
endif()
set(BITWRIGHT_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
if(BITWRIGHT_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")  # checked code compiles twice as fast as with -O2
  add_compile_options(-fsanitize=${BITWRIGHT_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BITWRIGHT_SANITIZE})
endif()
