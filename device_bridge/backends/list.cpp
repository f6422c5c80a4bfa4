// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/backends/backends.h"

#include <algorithm>
#include <array>

namespace bitwright::backends {
namespace {

struct Row {
    std::string_view id;
    std::unique_ptr<Backend> (*make)();
};
constexpr std::array rows{Row{"bitwright", make_bitwright_runner},
                          Row{"llama.cpp", make_llama_cpp},
                          Row{"qnn-net-run", make_qnn_net_run},
                          Row{"genie", make_genie},
                          Row{"executorch-llm", make_executorch_llm},
                          Row{"executorch-runner", make_executorch_runner},
                          Row{"litert-benchmark", make_litert_benchmark},
                          Row{"litert-lm", make_litert_lm},
                          Row{"onnxruntime", make_onnxruntime_qnn}};

}  // namespace

const std::vector<std::string_view>& backend_ids()
{
    static const auto ids = [] {
        std::vector<std::string_view> all;
        for (const auto& row : rows) all.push_back(row.id);
        return all;
    }();
    return ids;
}

std::unique_ptr<Backend> make_backend(std::string_view id)
{
    const auto row = std::ranges::find(rows, id, &Row::id);
    if (row == rows.end()) throw usage_error("backend: \"" + std::string(id) + "\" is none that Bitwright knows");
    return row->make();
}

}  // namespace bitwright::backends
