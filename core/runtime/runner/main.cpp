// SPDX-License-Identifier: GPL-3.0-or-later
// bitwright-runner: runs a Package on whatever computer it lies on and writes what it measured as JSON lines. Static, needs nothing but a Linux kernel.
//   hello  version, isa, kernels, hwcap, page, cores, threads, pid, emulated (true; else absent), affinity, battery (folder), package, recipe, format, file_bytes
//   phase  name (load, prefill, decode, idle, rest, cool, cool_limit, marker, batch: all of its runs), run (warm-up runs are negative: −W … −1), t0_ns, t1_ns, tokens
//   token  run, t_ns, id (when it was known)
//   power, thermal, freq  as sampler.h says
//   end    rc, sha256 (of the output ids as little-endian int32; every run must give the same), peak_rss_bytes, cache_bytes, minor_faults, major_faults; or error
// Times are CLOCK_BOOTTIME, so that they can be joined with power samples. The runs write between phases, never within one.
#include "core/runtime/error.h"
#include "core/runtime/runner/lines.h"
#include "core/runtime/runner/machine.h"
#include "core/runtime/runner/measure.h"
#include "core/runtime/runner/options.h"
#include "core/runtime/runner/selftest.h"

#include <cstdio>
#include <exception>
#include <memory>

namespace bitwright::runner {
namespace {

/// Every kernel set this processor can run, and the reference: each must give the same bytes.
int selftest()
{
    bool same = true;
    std::string names, found;
    const auto check = [&](const KernelSet& set) {
        const std::string hash = selftest_hash(set);
        names += (names.empty() ? "\"" : ",\"") + std::string(set.name) + "\"";
        if (found.empty() || hash != selftest_expected()) found = hash;
        if (hash == selftest_expected()) return;
        same = false;
        std::fprintf(stderr, "bitwright-runner: selftest: this processor's results with %s differ from every other's (%s, expected %s); do not trust its measurements\n", set.name, hash.c_str(), selftest_expected());
    };
    for (const KernelSet* set : kernel_sets()) check(*set);
    check(reference_kernels());
    std::printf("{\"type\":\"selftest\",\"ok\":%s,\"isa\":\"%s\",\"kernels\":[%s],\"sha256\":\"%s\"}\n", same ? "true" : "false", isa(), names.c_str(), found.c_str());
    return same ? 0 : 1;
}

int report(int code, const char* what, Lines* lines)
{
    std::fprintf(stderr, "bitwright-runner: %s\n", what);
    try {
        if (lines) lines->write("{\"type\":\"end\",\"rc\":" + std::to_string(code) + text_field("error", what) + "}");
    } catch (const std::exception&) {  // the first error is the one that counts
    }
    return code;
}

int run(int argc, const char* const* argv)
{
    std::unique_ptr<Lines> lines;
    try {
        const Options options = parse_options(argc, argv);
        if (options.help) {
            std::fputs(usage(), stdout);
            return 0;
        }
        if (options.selftest) return selftest();
        lines = std::make_unique<Lines>(options.jsonl);
        if (!options.pid_file.empty()) enter_own_session(options.pid_file);
        measure(options, *lines);
        return 0;
    } catch (const Error& error) {
        return report(static_cast<int>(error.kind()), error.what(), lines.get());
    } catch (const std::exception& error) {
        return report(1, error.what(), lines.get());
    }
}

}  // namespace
}  // namespace bitwright::runner

int main(int argc, char** argv) { return bitwright::runner::run(argc, argv); }
