// SPDX-License-Identifier: GPL-3.0-or-later
// Opens bitwright_numerics at run time. Part of bitwright_core: no LibTorch here.
#include "core/numerics/numerics.h"

#include <cstdlib>
#include <dlfcn.h>
#include <mutex>

namespace bitwright {

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

}  // namespace bitwright
