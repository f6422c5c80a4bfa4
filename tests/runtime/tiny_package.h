// SPDX-License-Identifier: GPL-3.0-or-later
// A package of small odd shapes made of random numbers, as its parts, so that a test can spoil one of them.
#pragma once

#include "core/runtime/safetensors.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <string>

namespace bitwright::test {

struct TinyPackage {
    nlohmann::json architecture, operations;
    std::map<std::string, std::string> metadata;
    std::map<std::string, Tensor> tensors;

    /// Two layers. 0: sequential, RMSNorm, gated, rotary, int8 per row, zero points. 1: parallel, LayerNorm, plain MLP, no rotation, 4-bit groups, 16-bit inputs,
    /// permutation, sliding window, soft-cap, ALiBi, q/k norm, post-norm.
    static TinyPackage make(unsigned seed);
    void write(const std::filesystem::path& path) const;
};

}  // namespace bitwright::test
