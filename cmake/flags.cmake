# What every file of ours is compiled with.
add_library(flags INTERFACE)
target_compile_options(flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith
  -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wimplicit-fallthrough -Wdouble-promotion
  -Wno-error=deprecated-declarations)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(flags INTERFACE -Wcast-align=strict -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wnull-dereference)
endif()
target_compile_definitions(flags INTERFACE _GNU_SOURCE)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g") # asserts guard against our own mistakes and stay in production: no NDEBUG
set(CMAKE_C_FLAGS_DEBUG "-Og -g3 -fno-omit-frame-pointer")

if(LIMPID_SANITIZE)
  if(LIMPID_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
  add_compile_options(-fsanitize=${LIMPID_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LIMPID_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fno-plt)
  add_compile_definitions(_FORTIFY_SOURCE=3)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
