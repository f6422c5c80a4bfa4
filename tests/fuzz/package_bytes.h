// SPDX-License-Identifier: GPL-3.0-or-later
// A package as bytes from anywhere, behind one entry for mutations from a fixed seed and for libFuzzer: it is refused in words, or it opens, runs, and every kernel
// set this processor has computes what the reference computes. Threading: one caller at a time.
#pragma once

#include "core/runtime/engine.h"
#include "core/runtime/error.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright::test {

/// A file in memory that readers open by its path.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("package", MFD_CLOEXEC))
    {
        if (descriptor_ < 0 || ::write(descriptor_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
    int descriptor_;
};

/// Three tokens, two of them together, by one kernel set: the logits of all.
inline std::vector<std::int32_t> three_tokens(const std::shared_ptr<const Package>& package, const KernelSet& kernels)
{
    Engine engine(package, {.kernels = &kernels, .layout_cache = LayoutCache{}});
    const auto last = static_cast<std::int32_t>(engine.graph().vocab - 1);
    const std::array<std::int32_t, 2> prompt{0, last};
    const auto fitting = std::span(prompt).first(static_cast<std::size_t>(std::min<std::int64_t>(2, engine.graph().context)));
    const auto first = engine.forward(fitting, WantedLogits::all);
    std::vector<std::int32_t> logits(first.begin(), first.end());
    if (engine.position() < engine.graph().context) {
        const auto next = engine.decode(last / 2);
        logits.insert(logits.end(), next.begin(), next.end());
    }
    return logits;
}

/// Whether the bytes are a package that opens. Aborts where kernel sets differ (all of them, or the one `picked`); anything but an Error of the kind bad_input escapes.
inline bool opens_and_runs(std::string_view bytes, std::string* refusal = nullptr, std::optional<std::size_t> picked = {})
{
    const MemoryFile file(bytes);
    std::shared_ptr<const Package> package;
    try {
        package = Package::open(file.path());
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::bad_input) throw;
        if (refusal) *refusal = error.what();
        return false;
    }
    const auto defined = three_tokens(package, reference_kernels());
    const auto sets = kernel_sets();
    for (std::size_t i = 0; i < sets.size(); ++i)
        if ((!picked || *picked % sets.size() == i) && three_tokens(package, *sets[i]) != defined) std::abort();
    return true;
}

}  // namespace bitwright::test
