# SPDX-License-Identifier: GPL-3.0-or-later
# Qt 6 and QCustomPlot for device_bridge, plots, views and app/desk. bitwright_desk_library(name SOURCES …) is a static library with moc; QT_NO_KEYWORDS everywhere
# (emit and slots are other people's words), QCustomPlot through plots/qcp.h only.
if(NOT BITWRIGHT_DESK)
  return()
endif()
find_package(Qt6 6.4 REQUIRED COMPONENTS Core Gui Network Widgets PrintSupport Svg Test)
find_package(QCustomPlotQt6 REQUIRED)  # finds no Qt by itself

function(bitwright_desk_library name)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  add_library(${name} STATIC)
  set_target_properties(${name} PROPERTIES AUTOMOC ON)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name} PUBLIC QT_NO_KEYWORDS QT_NO_CAST_TO_ASCII QT_NO_CAST_FROM_BYTEARRAY)
  target_link_libraries(${name} PUBLIC ${arg_LIBRARIES})
endfunction()
