# The operator's page: www/ and, beside it, uPlot from npm, staged in BUILD/www and installed from there. www/node_modules is
# made by `npm ci` where npm is there and it is missing; without it the page works and lacks its chart.
set(www_build ${CMAKE_BINARY_DIR}/www)
file(GLOB www_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/www/*.html ${CMAKE_SOURCE_DIR}/www/*.css
  ${CMAKE_SOURCE_DIR}/www/*.js ${CMAKE_SOURCE_DIR}/www/*.svg)
find_program(NPM npm)
add_custom_command(OUTPUT ${www_build}/staged
  COMMAND ${CMAKE_COMMAND} -DFROM=${CMAKE_SOURCE_DIR}/www -DTO=${www_build} -DNPM=${NPM}
          -P ${CMAKE_SOURCE_DIR}/cmake/stage_www.cmake
  DEPENDS ${www_sources} ${CMAKE_SOURCE_DIR}/www/package-lock.json ${CMAKE_SOURCE_DIR}/cmake/stage_www.cmake
  COMMENT "Staging the page" VERBATIM)
add_custom_target(www ALL DEPENDS ${www_build}/staged)
install(DIRECTORY ${www_build}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/limpid/www PATTERN staged EXCLUDE)
