# SPDX-License-Identifier: Apache-2.0
# What every hosted target is compiled with. Warnings are errors.
add_library(septum-hosted INTERFACE)
target_include_directories(septum-hosted INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/kernel/include)
target_compile_options(septum-hosted INTERFACE
  -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wold-style-cast -Wshadow -Wimplicit-fallthrough
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(SEPTUM_SANITIZE)
  # Compiling is half of what a test run takes: no more optimisation and debug information than reports and their lines need, and none
  # for a target that says SEPTUM_UNOPTIMIZED.
  target_compile_options(septum-hosted INTERFACE $<IF:$<BOOL:$<TARGET_PROPERTY:SEPTUM_UNOPTIMIZED>>,-O0,-O1> -gline-tables-only
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(septum-hosted INTERFACE -fsanitize=address,undefined)
endif()

# septum_precompile(TARGET HEADERS…): what most of the target's files include, compiled once. Each file still names what it uses: where
# ccache launches the compiler, which keeps nothing that was made with a precompiled header, they are compiled without.
function(septum_precompile target)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# septum_test(NAME SOURCES… LIBS …): a GoogleTest binary registered with CTest, one CTest entry per binary.
function(septum_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE septum-hosted GTest::gtest_main ${ARG_LIBS})
  set_target_properties(${name} PROPERTIES SEPTUM_UNOPTIMIZED ON) # the tests' own files; what they test is optimised
  target_compile_definitions(${name} PRIVATE SEPTUM_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SEPTUM_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
endfunction()
