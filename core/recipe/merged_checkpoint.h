// SPDX-License-Identifier: GPL-3.0-or-later
// A model folder again, with a recipe's transforms merged into the float weights: what other programs read.
// Invariants: the folder appears whole or not at all; every tensor of the checkpoint is in it under its own name and shape (fused, transposed and
// offset storage is undone on reading and redone on writing); tensors no transform touches keep their values exactly.
// Threading: one thread.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"

#include <filesystem>
#include <map>
#include <string>

namespace bitwright {

/// How the weights are written.
enum class MergedStorage : std::uint8_t {
    f32,   ///< every floating-point tensor as F32, and config.json says so
    exact  ///< every tensor in its own dtype; Error (failed) when a transformed value does not fit it exactly
};

/// Writes config.json, generation_config.json, the tokenizer's files, one model.safetensors and `texts` (name → content) to `folder`, which must not exist yet.
/// Streams: one tensor in memory at a time. Throws Error (bad_input) when `folder` exists, or when the checkpoint's format cannot hold the result (a
/// transformed lm_head that is tied to the embedding).
void write_merged_checkpoint(const Model& model, const Recipe& recipe, const std::filesystem::path& folder, MergedStorage storage,
                             const std::map<std::string, std::string>& texts, const Control& control);

}  // namespace bitwright
