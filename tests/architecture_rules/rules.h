// SPDX-License-Identifier: GPL-3.0-or-later
// The walls of the house as a checker: which folder may include what, file length, licence lines, top-level folders.
// Reads files as text; pure apart from that.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bitwright::test {

/// One sentence per breach found below `root` (a checkout); empty: all rules hold.
[[nodiscard]] std::vector<std::string> breaches(const std::filesystem::path& root);

}  // namespace bitwright::test
