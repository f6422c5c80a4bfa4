// SPDX-License-Identifier: GPL-3.0-or-later
// The text of qnn-profile-viewer, which runs on this computer and reads what a phone recorded. Section headers at the left, values four spaces in, old and new
// forms: "RPC (execute) time : 2717 us" and "Backend (RPC (execute) time): 2717 us". Cycles are the DSP's and do not convert to time. Source: device
// specification §3.1.
// Threading: plain values.
#pragma once

#include "device_bridge/backends/backend.h"

#include <string>
#include <string_view>

namespace bitwright::backends {

class QnnProfile {
public:
    /// @return true when the line belongs to a profile
    bool line(std::string_view text);
    /// Adds init_s, compose_s, finalize_s, deinit_s, inference_s, rpc_s, accelerator_s, accelerator_cycles, hvx_threads; further graphs as inference_s[NAME].
    void conclude(Result& result) const;

private:
    enum class Section : std::uint8_t { none, init, compose, finalize, deinit, execute, one, overall };

    void value(std::string_view name, double number, std::string_view unit);
    void add(std::string name, std::string_view unit, double number);

    Section section_ = Section::none;
    std::string graph_, first_graph_;
    Result read_;
    std::string evidence_;
};

}  // namespace bitwright::backends
