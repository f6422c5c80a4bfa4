# SPDX-License-Identifier: GPL-3.0-or-later
# Writes OUTPUT, a .cpp that holds the text of FILES, so that the programs need no file of their own to know what NPUs take.
list(SORT FILES)
set(text "// Generated from resources/npu.\n#include \"core/recipe/npu_profile_data.h\"\n\nnamespace bitwright {\nnamespace {\n\nconstexpr std::pair<std::string_view, std::string_view> all[] = {\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} json)
  string(APPEND text "    {\"${name}\", R\"npu(${json})npu\"},\n")
endforeach()
string(APPEND text "};\n\n}  // namespace\n\nstd::span<const std::pair<std::string_view, std::string_view>> npu_profile_texts() noexcept { return all; }\n\n}  // namespace bitwright\n")
file(WRITE ${OUTPUT} "${text}")
