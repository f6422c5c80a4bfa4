// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/plan_text.h"

#include <array>
#include <fstream>

namespace fs = std::filesystem;

namespace bitwright::backends {
namespace {

void feed_file(Backend& backend, Stream stream, const fs::path& path)
{
    std::ifstream in(path, std::ios::binary);
    std::array<char, 1 << 16> block;
    while (in.read(block.data(), block.size()), in.gcount() > 0) backend.feed(stream, {block.data(), static_cast<std::size_t>(in.gcount())});
}

std::optional<int> exit_code_in(const fs::path& path)
{
    std::ifstream in(path, std::ios::binary);
    std::string line;
    if (!std::getline(in, line) || line.size() > 20) return std::nullopt;
    const auto code = whole_number(line);
    return code && *code >= 0 && *code <= 255 ? std::optional(static_cast<int>(*code)) : std::nullopt;
}

Result read_execution(std::string_view id, Accelerator accelerator, const fs::path& folder)
{
    const auto backend = make_backend(id);
    backend->expect(accelerator);
    feed_file(*backend, Stream::error, folder / "errors.txt");
    feed_file(*backend, Stream::output, folder / "output.txt");
    feed_file(*backend, Stream::file, folder / "file.txt");
    return backend->finish(exit_code_in(folder / "exit.txt"));
}

}  // namespace

Result read_run_folder(std::string_view id, Accelerator accelerator, const fs::path& folder)
{
    std::error_code error;
    if (fs::exists(folder / "output.txt", error)) return read_execution(id, accelerator, folder);
    std::vector<Result> results;
    for (int i = 1; i <= 100; ++i) {
        const auto one = folder / ("run-" + std::to_string(i));
        if (!fs::exists(one / "output.txt", error)) break;
        results.push_back(read_execution(id, accelerator, one));
    }
    if (results.empty()) throw bad_input(folder.string(), "", "holds neither output.txt nor run-1/output.txt; choose the folder in which the script ran");
    return combined(results);
}

}  // namespace bitwright::backends
