# Warnings, sanitizers and the compiler cache.
find_program(CORESTORE_CCACHE ccache)
if(CORESTORE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CORESTORE_CCACHE})
endif()

add_library(corestore_warnings INTERFACE)
target_compile_options(corestore_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror)

if(CORESTORE_SANITIZE)
  add_compile_options(-fsanitize=${CORESTORE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CORESTORE_SANITIZE})
  if(CORESTORE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=null) # known false report in CAF's spawn (docs/decisions)
  endif()
endif()
