// SPDX-License-Identifier: GPL-3.0-or-later
// Opens bitwright_numerics at run time. Part of bitwright_core: no LibTorch here.
#include "core/numerics/text_generator.h"

#include <cstdlib>
#include <dlfcn.h>
#include <mutex>

namespace bitwright {
namespace {

/// How long LibTorch's OpenMP threads spin before they sleep, read once when libgomp is loaded; what the user set stays. A MobileQuant optimization of
/// TinyStories-656K, 2 threads on 2 cores, seconds of wall time for the whole command. Quiet, 128 windows and 32 steps (two runs): libgomp's own 300,000 11.4,
/// 1,000 11.5 and 10.4, 0 12.0 and 14.2 (1 thread 18.4 and 17.4). Compilers beside it, 16 windows and 48 steps (two runs): libgomp's own 17.5 and 37.6,
/// 10,000 24.7, 1,000 8.5 and 9.2, 0 8.9 and 6.8. So 1,000 costs nothing on a free machine and saves a busy one from threads that spin against each other.
void limit_spinning()
{
    if (!std::getenv("OMP_WAIT_POLICY")) ::setenv("GOMP_SPINCOUNT", "1000", 0);
}

}  // namespace

Numerics& load_numerics()
{
    static std::mutex mutex;
    static Numerics* loaded = nullptr;  // never closed: LibTorch does not survive dlclose
    const std::lock_guard lock(mutex);
    if (loaded) return *loaded;

    std::string path = "libbitwright_numerics.so";
    if (const char* given = std::getenv("BITWRIGHT_NUMERICS"); given && *given) {
        path = given;
    } else if (Dl_info self; ::dladdr(reinterpret_cast<void*>(&load_numerics), &self) && self.dli_fname) {
        path = (std::filesystem::path(self.dli_fname).parent_path() / path).string();
    }
    limit_spinning();
    void* library = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        const char* why = ::dlerror();
        throw failure("the numeric library cannot be loaded (" + std::string(why ? why : path) + "); run packaging/run to fetch LibTorch, or set BITWRIGHT_TORCH and build again");
    }
    using Create = Numerics* (*)();
    const auto create = reinterpret_cast<Create>(::dlsym(library, "bitwright_create_numerics"));
    if (!create) throw failure(path + " is no numeric library of this version of Bitwright; build it again");
    loaded = create();
    return *loaded;
}

TextGenerator& load_text_generator() { return dynamic_cast<TextGenerator&>(load_numerics()); }

}  // namespace bitwright
