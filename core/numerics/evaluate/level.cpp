// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/evaluate/evaluate.h"

#include "core/numerics/quantize/simulate_tap.h"

namespace bitwright {
namespace {

std::unique_ptr<Tap> tap_of(const Model& model, const Recipe* recipe, Level level, Placement placement)
{
    if (level == Level::floating) return std::make_unique<Tap>();
    if (!recipe) throw usage_error("the simulated level needs a recipe; name one, or ask for the float level");
    return std::make_unique<SimulateTap>(model, *recipe, placement);
}

WeightOptions with_tap(WeightOptions options, Level level, Tap& tap)
{
    if (level == Level::simulated) options.tap = &tap;
    return options;
}

}  // namespace

LevelModel::LevelModel(const Model& model, const Recipe* recipe, Level level, Placement placement, const Control& control, WeightOptions options)
    : level_tap_(tap_of(model, recipe, level, placement)), tap_(*level_tap_), weights_(model, recipe, with_tap(options, level, *level_tap_)),
      decoder_(model, weights_, {.semantics = recipe ? recipe->semantics : Semantics::bitwright, .control = &control})
{
}

}  // namespace bitwright
