// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/architecture_rules/rules.h"

#include "tests/support/shared_data.h"

#include <fstream>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

constexpr auto spdx = "// SPDX-License-Identifier: GPL-3.0-or-later\n";

void put(const fs::path& root, const std::string& file, const std::string& text)
{
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
}

fs::path sound_tree(const std::string& name)
{
    const auto root = scratch(name);
    for (const std::string folder : {"app", "core", "views", "plots", "device_bridge", "resources", "tests", "packaging"}) put(root, folder + "/CMakeLists.txt", "");
    return root;
}

TEST(ArchitectureRules, HoldInThisTree)
{
    for (const auto& breach : breaches(BITWRIGHT_SOURCE_DIR)) ADD_FAILURE() << breach;
}

TEST(ArchitectureRules, ASoundTreeHasNoBreach)
{
    const auto root = sound_tree("sound");
    put(root, "core/runtime/a.cpp", std::string(spdx) + "#include \"core/runtime/a.h\"\n#include <vector>\n");
    put(root, "core/numerics/a.cpp", std::string(spdx) + "#include <ATen/ATen.h>\n#include \"core/recipe/recipe.h\"\n");
    put(root, "plots/a.cpp", std::string(spdx) + "#include <QWidget>\n#include <qcustomplot.h>\n");
    EXPECT_TRUE(breaches(root).empty());
}

struct Breach {
    const char* file;
    const char* text;
    const char* expected;
};
void PrintTo(const Breach& breach, std::ostream* out) { *out << breach.file << ": " << breach.expected; }
class ArchitectureRulesFind : public ::testing::TestWithParam<Breach> {};

TEST_P(ArchitectureRulesFind, TheBreach)
{
    const auto root = sound_tree("broken");
    put(root, GetParam().file, std::string(spdx) + GetParam().text);
    const auto found = breaches(root);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_NE(found[0].find(GetParam().expected), std::string::npos) << found[0];
}

INSTANTIATE_TEST_SUITE_P(Each, ArchitectureRulesFind,
                         ::testing::Values(Breach{"core/recipe/a.cpp", "#include <QString>\n", "no Qt"}, Breach{"core/recipe/a.cpp", "#include <ATen/ATen.h>\n", "LibTorch stays"},
                                           Breach{"core/runtime/a.cpp", "#include \"core/recipe/recipe.h\"\n", "not allowed"},
                                           Breach{"core/runtime/a.cpp", "#include <nlohmann/json.hpp>\n", "only the standard library"},
                                           Breach{"core/recipe/a.cpp", "#include <SQLiteCpp/Database.h>\n", "SQL stays"},
                                           Breach{"core/recipe/a.cpp", "#include \"core/numerics/decoder/decoder.h\"\n", "only core/numerics/numerics.h"},
                                           Breach{"plots/a.cpp", "#include \"core/runtime/error.h\"\n", "not allowed"}, Breach{"views/a.cpp", "#include \"app/x.h\"\n", "not allowed"},
                                           Breach{"views/a.cpp", "#include <qcustomplot.h>\n", "QCustomPlot stays"}, Breach{"device_bridge/a.cpp", "#include <QWidget>\n", "Core and Network"},
                                           Breach{"app/cli/a.cpp", "#include <QString>\n", "no Qt"}));

TEST(ArchitectureRules, FindMissingLicenceLongFilesAndStrangeFolders)
{
    const auto root = sound_tree("other");
    put(root, "core/a.cpp", "int a;\n");
    std::string longer = spdx;
    for (int i = 0; i < 600; ++i) longer += "\n";
    put(root, "core/b.cpp", longer);
    put(root, "scripts/c.txt", "");
    const auto found = breaches(root);
    ASSERT_EQ(found.size(), 3u);
    EXPECT_NE(found[0].find("no SPDX"), std::string::npos);
    EXPECT_NE(found[1].find("601 lines"), std::string::npos);
    EXPECT_NE(found[2].find("scripts/"), std::string::npos);
}

}  // namespace
}  // namespace bitwright::test
