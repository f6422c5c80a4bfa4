// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/shared_data.h"

#include <cstdlib>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::test {

bool shared_is_required()
{
    const char* set = std::getenv("BITWRIGHT_SHARED");
    return set && *set;
}

fs::path shared()
{
    const fs::path path = shared_is_required() ? fs::path(std::getenv("BITWRIGHT_SHARED")) : fs::path(BITWRIGHT_SOURCE_DIR) / ".." / "shared";
    return fs::is_directory(path / "golden") ? fs::canonical(path) : fs::path();
}

fs::path golden() { return fs::path(BITWRIGHT_SOURCE_DIR) / "tests" / "golden"; }

fs::path scratch(const std::string& name)
{
    struct Folder {
        fs::path path = fs::temp_directory_path() / ("bitwright-test-" + std::to_string(::getpid()));
        ~Folder()
        {
            std::error_code ignored;
            fs::remove_all(path, ignored);
        }
    };
    static const Folder folder;
    fs::remove_all(folder.path / name);
    fs::create_directories(folder.path / name);
    return folder.path / name;
}

}  // namespace bitwright::test
