# What `cmake --install` puts where, but for the page (cmake/www.cmake). Below /usr and /usr/local, files for the system go
# to /etc and /usr/lib; below another prefix they stay there. Prefix and DESTDIR are known at the installation only, so that
# it is decided then.
install(TARGETS limpid RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(FILES ${CMAKE_SOURCE_DIR}/docs/limpid.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${CMAKE_SOURCE_DIR}/docs/limpid.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(CODE "
  set(SOURCE \"${CMAKE_SOURCE_DIR}\")
  set(BUILD \"${CMAKE_BINARY_DIR}\")
  set(SBINDIR \"${CMAKE_INSTALL_SBINDIR}\")
")
install(SCRIPT ${CMAKE_SOURCE_DIR}/cmake/install_system.cmake)
