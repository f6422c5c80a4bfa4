# SPDX-License-Identifier: GPL-3.0-or-later
# cmake --install: PREFIX/bin programs, PREFIX/lib/bitwright what they open, PREFIX/share/bitwright sample, SoC profiles and scenarios of demo phones.
# The prefix can be moved: programs find everything relative to themselves. LibTorch stays where its vendor's files were found.
include(GNUInstallDirs)
set(lib lib/bitwright)  # private, so not in the folder of the architecture
file(RELATIVE_PATH to_lib /${CMAKE_INSTALL_BINDIR} /${lib})
foreach(program bitwright bitwright-cli)  # the others are static
  if(TARGET ${program})
    set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN/${to_lib}")
  endif()
endforeach()
foreach(program bitwright bitwright-cli bitwright-runner bitwright-demo-phone)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
if(TARGET bitwright-runner-aarch64)
  install(PROGRAMS ${PROJECT_BINARY_DIR}/bin/bitwright-runner-aarch64 DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
foreach(library bitwright_core bitwright_numerics bitwright-demo-exec)
  if(TARGET ${library})
    set_target_properties(${library} PROPERTIES INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
    install(TARGETS ${library} LIBRARY DESTINATION ${lib})
  endif()
endforeach()
install(DIRECTORY resources/models resources/devices DESTINATION ${CMAKE_INSTALL_DATADIR}/bitwright PATTERN CMakeLists.txt EXCLUDE)
