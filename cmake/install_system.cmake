# Run by the installation (cmake/install.cmake), with SOURCE, BUILD and SBINDIR set.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
  set(etc /etc)
  set(lib /usr/lib)
else()
  set(etc ${CMAKE_INSTALL_PREFIX}/etc)
  set(lib ${CMAKE_INSTALL_PREFIX}/lib)
endif()
set(program ${CMAKE_INSTALL_PREFIX}/${SBINDIR}/limpid)

configure_file(${SOURCE}/conf/limpid.service.in ${BUILD}/limpid.service @ONLY)
file(INSTALL ${BUILD}/limpid.service DESTINATION ${lib}/systemd/system)
file(INSTALL ${SOURCE}/conf/limpid.sysusers DESTINATION ${lib}/sysusers.d RENAME limpid.conf)
file(INSTALL ${SOURCE}/conf/limpid.tmpfiles DESTINATION ${lib}/tmpfiles.d RENAME limpid.conf)
file(INSTALL ${SOURCE}/conf/limpid.logrotate DESTINATION ${etc}/logrotate.d RENAME limpid)

# The operator's own configuration is never overwritten: ours then lies beside it.
set(name limpid.conf)
if(EXISTS $ENV{DESTDIR}${etc}/limpid/limpid.conf)
  set(name limpid.conf.new)
endif()
file(INSTALL ${SOURCE}/conf/limpid.conf DESTINATION ${etc}/limpid RENAME ${name})
