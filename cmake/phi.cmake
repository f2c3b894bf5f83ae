# How a room, a program and a test of this project are declared; warnings are errors everywhere.
include_guard(GLOBAL)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

add_library(phi_flags INTERFACE)
target_compile_definitions(phi_flags INTERFACE _GNU_SOURCE)
target_compile_options(phi_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings
  -Wformat=2 -Wpointer-arith -Wundef -fno-common -fstack-protector-strong -fvisibility=hidden)
target_include_directories(phi_flags INTERFACE ${CMAKE_SOURCE_DIR}/common ${CMAKE_SOURCE_DIR})
target_link_libraries(phi_flags INTERFACE Threads::Threads)
if(PHI_SANITIZE)
  target_compile_options(phi_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(phi_flags INTERFACE -fsanitize=address,undefined)
endif()
if(PHI_MUTANTS)
  target_compile_definitions(phi_flags INTERFACE PHI_MUTANTS)
endif()
if(PHI_FUZZ)
  target_compile_options(phi_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(phi_flags INTERFACE -fsanitize=address,undefined)
endif()

# phi_room(NAME dir-name SOURCES a.c b.c ROOMS base json PACKAGES jansson): the static library phi_<name>.
# ROOMS are the rooms above it that it includes; PACKAGES are pkg-config names, private to the room.
function(phi_room name)
  cmake_parse_arguments(R "" "" "SOURCES;ROOMS;PACKAGES" ${ARGN})
  add_library(phi_${name} STATIC ${R_SOURCES})
  target_link_libraries(phi_${name} PUBLIC phi_flags)
  foreach(room ${R_ROOMS})
    target_link_libraries(phi_${name} PUBLIC phi_${room})
  endforeach()
  foreach(package ${R_PACKAGES})
    string(MAKE_C_IDENTIFIER "pc_${package}" id)
    pkg_check_modules(${id} REQUIRED IMPORTED_TARGET GLOBAL ${package})
    target_link_libraries(phi_${name} PRIVATE PkgConfig::${id})
  endforeach()
endfunction()

# phi_embed(TARGET files…): each file becomes `const unsigned char phi_embed_<id>[]` and `const size_t phi_embed_<id>_len`
# of the target (id: file name as C identifier).
function(phi_embed target)
  foreach(file ${ARGN})
    get_filename_component(base ${file} NAME)
    get_filename_component(in ${file} ABSOLUTE)
    string(MAKE_C_IDENTIFIER "${base}" id)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/embed_${id}.c)
    add_custom_command(OUTPUT ${out}
      COMMAND ${CMAKE_COMMAND} -DIN=${in} -DOUT=${out} -DID=${id} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
      DEPENDS ${in} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake)
    target_sources(${target} PRIVATE ${out})
  endforeach()
endfunction()

# phi_program(NAME SOURCES … ROOMS … [EMBED files]): an executable in build/bin; EMBED as phi_embed.
function(phi_program name)
  cmake_parse_arguments(P "" "" "SOURCES;ROOMS;EMBED" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  phi_embed(${name} ${P_EMBED})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_link_libraries(${name} PRIVATE phi_flags)
  foreach(room ${P_ROOMS})
    target_link_libraries(${name} PRIVATE phi_${room})
  endforeach()
endfunction()

# phi_test(NAME SOURCES … ROOMS … [RUNNER command]): a cmocka program, registered with ctest; the vectors' folder
# is PHI_VECTORS. RUNNER goes in front of the program, such as tests/tools/with-postgres.
function(phi_test name)
  cmake_parse_arguments(T "" "" "SOURCES;ROOMS;PACKAGES;RUNNER" ${ARGN})
  pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET GLOBAL cmocka)
  add_executable(${name} ${T_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_definitions(${name} PRIVATE PHI_VECTORS="${CMAKE_SOURCE_DIR}/tests/vectors")
  target_link_libraries(${name} PRIVATE phi_flags PkgConfig::cmocka)
  foreach(room ${T_ROOMS})
    target_link_libraries(${name} PRIVATE phi_${room})
  endforeach()
  foreach(package ${T_PACKAGES})
    string(MAKE_C_IDENTIFIER "pc_${package}" id)
    pkg_check_modules(${id} REQUIRED IMPORTED_TARGET GLOBAL ${package})
    target_link_libraries(${name} PRIVATE PkgConfig::${id})
  endforeach()
  add_test(NAME ${name} COMMAND ${T_RUNNER} $<TARGET_FILE:${name}>)
endfunction()
