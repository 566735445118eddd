# cmake -DFROM=…/www -DTO=…/build/www -DNPM=npm -P stage_www.cmake: what www.cmake says.
file(LOCK ${FROM}/node_modules.lock GUARD PROCESS TIMEOUT 300) # two builds may run at once; a lock empties the file
set(uplot ${FROM}/node_modules/uplot)
if(NOT EXISTS ${uplot}/dist/uPlot.esm.js AND NPM)
  execute_process(COMMAND ${NPM} ci --prefix ${FROM} --ignore-scripts --no-audit --no-fund --loglevel=error
    OUTPUT_QUIET)
endif()

file(GLOB sources ${FROM}/*.html ${FROM}/*.css ${FROM}/*.js ${FROM}/*.svg)
file(COPY ${sources} DESTINATION ${TO})
if(EXISTS ${uplot}/dist/uPlot.esm.js)
  file(COPY ${uplot}/dist/uPlot.esm.js ${uplot}/dist/uPlot.min.css ${uplot}/LICENSE DESTINATION ${TO}/uplot)
  file(TOUCH ${TO}/staged) # without uPlot it is tried again with the next build
else()
  message(WARNING "uPlot could not be installed by npm: the page will have no chart")
endif()
