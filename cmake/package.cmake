# What an embedding project uses: one static library, its headers under include/corestore, a CMake package and a
# pkg-config file.
include(CMakePackageConfigHelpers)

add_library(corestore::corestore ALIAS corestore_facade)

# All rooms below the programs in one archive, so that nobody has to know them.
set(CORESTORE_LIBRARY_ROOMS base log storage replication messages actors config facade)
set(objects "")
foreach(room ${CORESTORE_LIBRARY_ROOMS})
  list(APPEND objects $<TARGET_OBJECTS:corestore_${room}>)
endforeach()
add_library(corestore_library STATIC ${objects})
set_target_properties(corestore_library PROPERTIES OUTPUT_NAME corestore LINKER_LANGUAGE CXX)
install(TARGETS corestore_library ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)

# The headers that corestore/store.hpp and corestore/actors.hpp need, with includes that cannot be mistaken for others'.
install(CODE "set(source \"${CMAKE_SOURCE_DIR}\")
set(target \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/corestore\")
set(generated \"${CMAKE_BINARY_DIR}/generated\")" COMPONENT development)
install(SCRIPT ${CMAKE_SOURCE_DIR}/cmake/package/install_headers.cmake COMPONENT development)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/corestore)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/package/corestoreConfig.cmake.in
                              ${CMAKE_BINARY_DIR}/generated/corestoreConfig.cmake INSTALL_DESTINATION ${package_dir}
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/corestoreConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
# The prefix is found from where the file lies: it may be chosen as late as `cmake --install --prefix`.
file(RELATIVE_PATH CORESTORE_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_SOURCE_DIR}/cmake/package/corestore.pc.in ${CMAKE_BINARY_DIR}/generated/corestore.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/corestoreConfig.cmake
              ${CMAKE_BINARY_DIR}/generated/corestoreConfigVersion.cmake ${CMAKE_SOURCE_DIR}/cmake/FindCAF.cmake
        DESTINATION ${package_dir} COMPONENT development)
install(FILES ${CMAKE_BINARY_DIR}/generated/corestore.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
