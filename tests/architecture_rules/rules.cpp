// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/architecture_rules/rules.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

constexpr std::size_t longest_file = 600;

/// What the sources below a folder may include: folders of ours, and which libraries. The first matching row counts.
struct Wall {
    std::string_view folder;
    std::vector<std::string_view> may_include;  ///< prefixes of quoted includes
    bool qt_core, qt_widgets, qcustomplot, torch, sqlite, core_libraries;
};

const std::vector<Wall>& walls()
{
    static const std::vector<Wall> rows{
        {"core/runtime/", {"core/runtime/"}, false, false, false, false, false, false},
        {"core/numerics/", {"core/"}, false, false, false, true, false, true},
        {"core/workspace/", {"core/", "sqlite"}, false, false, false, false, true, true},
        {"core/", {"core/"}, false, false, false, false, false, true},
        {"device_bridge/", {"core/", "device_bridge/"}, true, false, false, false, false, true},
        {"plots/", {"plots/"}, true, true, true, false, false, false},
        {"views/", {"core/", "device_bridge/", "plots/", "views/"}, true, true, false, false, false, true},
        {"app/cli/", {"core/", "app/"}, false, false, false, false, false, true},
        {"app/", {"core/", "device_bridge/", "plots/", "views/", "app/"}, true, true, false, false, false, true},
    };
    return rows;
}

/// Nobody may know numerics' insides: only the interface, and which methods there are.
bool reaches_into_numerics(std::string_view file, std::string_view include)
{
    return !file.starts_with("core/numerics/") && include.starts_with("core/numerics/") && include != "core/numerics/numerics.h" &&
           include != "core/numerics/method_list.h" && include != "core/numerics/text_generator.h";
}

bool is_qt(std::string_view header) { return header.size() > 1 && header[0] == 'Q' && (std::isupper(static_cast<unsigned char>(header[1])) || header[1] == 't'); }
bool is_qt_core_or_network(std::string_view header)
{
    static const std::set<std::string_view> widgets{"QWidget", "QApplication", "QMainWindow", "QPainter", "QGuiApplication", "QDialog"};
    return is_qt(header) && !widgets.contains(header) && !header.starts_with("QtWidgets") && !header.starts_with("QtGui");
}
bool is_torch(std::string_view header) { return header.starts_with("torch/") || header.starts_with("ATen/") || header.starts_with("c10/"); }

void check_include(const std::string& file, std::string_view header, bool quoted, std::vector<std::string>& out)
{
    const auto wall = std::ranges::find_if(walls(), [&](const Wall& w) { return file.starts_with(w.folder); });
    if (wall == walls().end()) return;
    const auto breach = [&](const std::string& why) { out.push_back(file + " includes " + std::string(header) + ": " + why); };
    if (quoted) {
        const bool own_folder = header.find('/') == std::string_view::npos;
        const bool allowed = own_folder || std::ranges::any_of(wall->may_include, [&](std::string_view prefix) { return header.starts_with(prefix); });
        if (!allowed) breach("not allowed from " + std::string(wall->folder));
        if (reaches_into_numerics(file, header)) breach("only core/numerics/numerics.h, text_generator.h and method_list.h are visible outside core/numerics");
        return;
    }
    if (is_torch(header) && !wall->torch) breach("LibTorch stays in core/numerics");
    if (is_qt(header)) {
        if (!wall->qt_core) breach("no Qt here");
        else if (!is_qt_core_or_network(header) && !wall->qt_widgets) breach("Qt Core and Network only");
    }
    if (header == "qcustomplot.h" && !wall->qcustomplot) breach("QCustomPlot stays in plots");
    if ((header.starts_with("SQLiteCpp/") || header == "sqlite3.h") && !wall->sqlite) breach("SQL stays in core/workspace");
    if (!wall->core_libraries && (header.starts_with("nlohmann/") || header.starts_with("fmt/") || header == "pcre2.h")) breach("only the standard library here");
}

void check_source(const fs::path& path, const std::string& file, std::vector<std::string>& out)
{
    std::ifstream in(path);
    std::string line;
    std::size_t lines = 0;
    bool licensed = false;
    while (std::getline(in, line)) {
        ++lines;
        if (lines <= 3 && line.find("SPDX-License-Identifier: GPL-3.0-or-later") != std::string::npos) licensed = true;
        const auto hash = line.find_first_not_of(" \t");
        if (hash == std::string::npos || line[hash] != '#') continue;
        const auto word = line.find("include", hash);
        if (word == std::string::npos) continue;
        const auto open = line.find_first_of("<\"", word);
        if (open == std::string::npos) continue;
        const auto close = line.find(line[open] == '<' ? '>' : '"', open + 1);
        if (close != std::string::npos) check_include(file, std::string_view(line).substr(open + 1, close - open - 1), line[open] == '"', out);
    }
    if (!licensed) out.push_back(file + " has no SPDX line");
    if (lines > longest_file) out.push_back(file + " has " + std::to_string(lines) + " lines; split it by reason to change (at most " + std::to_string(longest_file) + ")");
}

}  // namespace

std::vector<std::string> breaches(const fs::path& root)
{
    static constexpr std::array folders{"app", "core", "views", "plots", "device_bridge", "resources", "tests", "packaging"};
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(root)) {
        const auto name = entry.path().filename().string();
        if (entry.is_directory() && name[0] != '.' && name != "build" && std::ranges::find(folders, name) == folders.end()) out.push_back(name + "/ is no folder of this project");
    }
    for (const std::string folder : folders) {
        if (!fs::exists(root / folder / "CMakeLists.txt")) out.push_back(folder + "/CMakeLists.txt is missing");
        if (!fs::is_directory(root / folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            const auto extension = entry.path().extension();
            if (entry.is_regular_file() && (extension == ".cpp" || extension == ".h")) check_source(entry.path(), fs::relative(entry.path(), root).generic_string(), out);
        }
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace bitwright::test
