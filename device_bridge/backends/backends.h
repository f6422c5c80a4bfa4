// SPDX-License-Identifier: GPL-3.0-or-later
// Every back end's maker; make_backend() is the way in for everybody else.
#pragma once

#include "device_bridge/backends/backend.h"

namespace bitwright::backends {

[[nodiscard]] std::unique_ptr<Backend> make_bitwright_runner();
[[nodiscard]] std::unique_ptr<Backend> make_llama_cpp();
[[nodiscard]] std::unique_ptr<Backend> make_qnn_net_run();
[[nodiscard]] std::unique_ptr<Backend> make_genie();
[[nodiscard]] std::unique_ptr<Backend> make_executorch_llm();
[[nodiscard]] std::unique_ptr<Backend> make_executorch_runner();
[[nodiscard]] std::unique_ptr<Backend> make_litert_benchmark();
[[nodiscard]] std::unique_ptr<Backend> make_litert_lm();
[[nodiscard]] std::unique_ptr<Backend> make_onnxruntime_qnn();

}  // namespace bitwright::backends
