// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/kernel_set.h"

#include "core/runtime/error.h"
#include "core/runtime/kernels/sets.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace bitwright {

std::span<const KernelSet* const> kernel_sets()
{
    static const std::vector<const KernelSet*> sets = [] {
        std::vector<const KernelSet*> found;
        const auto all = {
#if defined(__x86_64__)
            avx512_vnni_kernels, avx_vnni_kernels, avx2_kernels, portable_kernels,
#elif defined(__aarch64__)
            neon_i8mm_kernels, neon_dotprod_kernels, neon_kernels,
#else
            portable_kernels,
#endif
        };
        for (const auto made : all)
            if (const KernelSet* set = made()) found.push_back(set);
        return found;
    }();
    return sets;
}

const KernelSet& kernels_named(std::string_view name)
{
    std::string names;
    for (const KernelSet* set : kernel_sets()) {
        if (name == set->name) return *set;
        names += (names.empty() ? "" : ", ") + std::string(set->name);
    }
    if (name == reference_kernels().name) return reference_kernels();
    throw usage_error("kernels: \"" + std::string(name) + "\" is not what this processor can run; it can run " + names);
}

const KernelSet& chosen_kernels()
{
    const char* wanted = std::getenv("BITWRIGHT_KERNELS");
    return wanted && *wanted ? kernels_named(wanted) : *kernel_sets().front();
}

}  // namespace bitwright
