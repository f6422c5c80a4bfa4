// SPDX-License-Identifier: GPL-3.0-or-later
// The float and the simulated level continue a text token by token, with what sampling, streaming and timing core/runtime/generation.h knows. Apart from numerics.h so
// that only who generates depends on it.
// Threading: as Numerics, which it belongs to.
#pragma once

#include "core/numerics/numerics.h"
#include "core/runtime/generation.h"

namespace bitwright {

class TextGenerator {
public:
    virtual ~TextGenerator() = default;
    /// With the KV cache; beyond the cache's end everything is read anew. `recipe` null: float. Throws Error (bad_input) when an id is outside the vocabulary.
    /// Times begin when the weights are loaded.
    [[nodiscard]] virtual Generation continue_text(const Model& model, const Recipe* recipe, Level level, const std::vector<std::int32_t>& prompt, const GenerateOptions& options,
                                                   const Control& control) = 0;
};

/// As load_numerics().
[[nodiscard]] TextGenerator& load_text_generator();

}  // namespace bitwright
