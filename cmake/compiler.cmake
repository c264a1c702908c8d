# Warnings, build types, sanitizers and the compiler cache.
find_program(CORESTORE_CCACHE ccache)
if(CORESTORE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The cache handles precompiled headers only when it may be this sloppy about them.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CORESTORE_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  else()
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()

# Line tables are enough for a backtrace; full debug information doubles the size of what is linked.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1")

add_library(corestore_warnings INTERFACE)
target_compile_options(corestore_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror)

if(CORESTORE_SANITIZE)
  add_compile_options(-fsanitize=${CORESTORE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CORESTORE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ loses track of initialisation in instrumented code and says so about the standard library's own headers.
    target_compile_options(corestore_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
  if(CORESTORE_SANITIZE MATCHES "undefined")
    # CAF binds a reference to a null pointer when it spawns a function actor without arguments; harmless, and not ours.
    add_compile_options(-fno-sanitize=null)
  endif()
endif()
