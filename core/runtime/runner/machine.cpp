// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/runner/machine.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sched.h>
#include <unistd.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace bitwright::runner {

const char* isa() noexcept
{
#if defined(__aarch64__)
    return "aarch64";
#elif defined(__x86_64__)
    return "x86-64";
#else
    return "other";
#endif
}

std::vector<std::string> instruction_sets()
{
    std::vector<std::string> names;
#if defined(__aarch64__)
    struct Known {
        unsigned long word;
        int bit;
        const char* name;
    };
    const unsigned long one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
    // bits as in the kernel's arch/arm64/include/uapi/asm/hwcap.h, which never change
    const std::array known{Known{one, 0, "fp"},   Known{one, 1, "asimd"}, Known{one, 8, "atomics"}, Known{one, 9, "fphp"}, Known{one, 10, "asimdhp"}, Known{one, 20, "asimddp"},
                           Known{one, 22, "sve"}, Known{two, 1, "sve2"},  Known{two, 13, "i8mm"},   Known{two, 14, "bf16"}, Known{two, 23, "sme"}};
    for (const auto& [word, bit, name] : known)
        if (word >> bit & 1) names.emplace_back(name);
#elif defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) names.emplace_back("sse4_2");
    if (__builtin_cpu_supports("avx2")) names.emplace_back("avx2");
    if (__builtin_cpu_supports("fma")) names.emplace_back("fma");
    if (__builtin_cpu_supports("avx512f")) names.emplace_back("avx512f");
    if (__builtin_cpu_supports("avx512vnni")) names.emplace_back("avx512_vnni");
#endif
    return names;
}

bool is_emulated()
{
#if defined(__aarch64__)
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("vendor_id") || line.starts_with("flags")) return true;  // x86's words
#endif
    return false;
}

std::int64_t peak_rss_bytes()
{
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word)
        if (word == "VmHWM:") {
            std::int64_t kilobytes = 0;
            status >> kilobytes;
            return kilobytes * 1024;
        }
    return 0;
}

void pin(std::uint64_t mask)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (int i = 0; i < 64; ++i)
        if (mask >> i & 1) CPU_SET(i, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) throw failure(std::string("--affinity: ") + std::strerror(errno) + "; use CPUs this computer has");
}

void keep_away_from(std::uint64_t mask) noexcept
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return;
    for (int i = 0; i < 64; ++i)
        if (mask >> i & 1) CPU_CLR(i, &cpus);
    if (CPU_COUNT(&cpus) > 0) sched_setaffinity(0, sizeof cpus, &cpus);
}

void enter_own_session(const std::string& pid_file)
{
    (void)setsid();  // fails where this process leads its group already, which is as good
    std::signal(SIGHUP, SIG_IGN);
    write_text(pid_file, std::to_string(getpid()) + "\n");
}

}  // namespace bitwright::runner
