// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer's entry; packaging/fuzz builds and runs it. First byte: which back end; second: accelerator, exit code, how the bytes are cut. Then text; a byte 1,
// 2 or 3 switches to output, error, file.
#include "device_bridge/backends/backend.h"
#include "tests/device_bridge/recorded_outputs.h"
#include "tests/fuzz/seeds.h"

#include <cmath>
#include <cstdlib>

using namespace bitwright::backends;

namespace {

const std::vector<std::string>& seeds()
{
    static const std::vector<std::string> all{test::runner_lines,
                                              test::llama_load_log + test::llama_table,
                                              test::llama_json_prompt + "\n" + test::llama_json_decode + "\n",
                                              test::llama_performance,
                                              test::qnn_older_profile,
                                              "\x03" + test::qnn_newer_profile,
                                              "[BEGIN]: b\nc[END]\n\x03" + test::genie_profile,
                                              test::executorch_observer + test::executorch_log,
                                              "100 inferences took 512.3 ms, avg 5.123 ms\n1 inference took 512.3 ms, avg 512.3 ms\n",
                                              test::litert_on_npu + test::litert_warm_up + test::litert_timings + test::litert_memory,
                                              test::litert_lm_info,
                                              test::litert_lm_older_info,
                                              test::onnxruntime_output};
    return all;
}

Result read(const std::uint8_t* data, std::size_t size, std::size_t piece)
{
    const auto& ids = backend_ids();
    const auto backend = make_backend(ids[data[0] % ids.size()]);
    backend->expect(static_cast<Accelerator>(data[1] % 3));
    auto stream = Stream::output;
    std::string text;
    const auto flush = [&] {
        backend->feed(stream, text);
        text.clear();
    };
    for (std::size_t i = 2; i < size; ++i) {
        if (data[i] >= 1 && data[i] <= 3) {
            flush();
            stream = static_cast<Stream>(data[i] - 1);
        } else {
            text += static_cast<char>(data[i]);
            if (text.size() == piece) flush();
        }
    }
    flush();
    return backend->finish(data[1] & 64 ? std::nullopt : std::optional(data[1] & 128 ? 1 : 0));
}

void require(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned random)
{
    return bitwright::fuzz::mutate_or_restart(data, size, most, random, seeds(), 2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    if (size < 2) return 0;
    const auto whole = read(data, size, 0), cut = read(data, size, 1 + (data[1] >> 2) % 16);
    require(whole.complete == whole.error.empty());
    require(!whole.complete || !(data[1] & (64 | 128)));
    require(whole.quantities.size() == cut.quantities.size() && whole.error == cut.error && whole.warnings == cut.warnings && whole.text == cut.text);
    for (std::size_t i = 0; i < whole.quantities.size(); ++i) {
        require(whole.quantities[i].name == cut.quantities[i].name && whole.quantities[i].samples == cut.quantities[i].samples);
        for (const double sample : whole.quantities[i].samples) require(std::isfinite(sample));
    }
    require(whole.offload.state != Offload::verified || !whole.offload.evidence.empty());
    (void)measurements(whole);
    return 0;
}
