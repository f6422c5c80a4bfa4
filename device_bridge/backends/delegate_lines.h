// SPDX-License-Identifier: GPL-3.0-or-later
// What LiteRT (TensorFlow Lite) says about delegates: how many nodes of the graph went to which. Source: device specification §3.4.
// Threading: plain values.
#pragma once

#include "device_bridge/backends/backend.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright::backends {

class DelegateLines {
public:
    void line(std::string_view text);
    /// The proof, as far as there is one. One accelerator's delegate counts; XNNPACK is the processor.
    void judge(Result& result, Accelerator asked) const;

private:
    std::int64_t done_ = 0;
    std::optional<std::int64_t> total_;
    std::string device_, evidence_, refusal_, processor_;
};

}  // namespace bitwright::backends
