// SPDX-License-Identifier: GPL-3.0-or-later
// An outlier copy of the bundled sample in a workspace of its own: calibrated, with a round-to-nearest recipe, open on a desk. Made once per process.
#pragma once

#include "core/numerics/numerics.h"
#include "core/recipe/outliers.h"
#include "core/recipe/placement.h"
#include "core/recipe/range_rules.h"
#include "core/workspace/calibrations.h"
#include "core/workspace/models.h"
#include "core/workspace/recipes.h"
#include "tests/support/shared_data.h"
#include "tests/support/test_desk.h"
#include "views/desk/theme.h"

#include <QPixmap>
#include <gtest/gtest.h>

namespace bitwright::test {

struct OutlierSample {
    std::vector<OutlierChannel> channels;
    std::filesystem::path model, workspace;
    Recipe recipe;
    Statistics statistics;

    /// Null where LibTorch is not there.
    static const OutlierSample* get()
    {
        static const std::unique_ptr<OutlierSample> sample = make();
        return sample.get();
    }

private:
    static std::unique_ptr<OutlierSample> make()
    {
        Numerics* numerics = nullptr;
        try {
            numerics = &load_numerics();
        } catch (const Error&) {
            return nullptr;
        }
        auto sample = std::make_unique<OutlierSample>();
        const auto folder = scratch("outlier_sample");
        const auto plain_folder = std::filesystem::path(BITWRIGHT_SOURCE_DIR) / "resources/models/Bitwright-Sample-2M";
        const Model plain = open_model(plain_folder);
        OutlierOptions options;
        options.seed = 1;
        sample->channels = choose_outliers(plain, options);
        sample->model = folder / "outlier";
        write_outlier_copy(plain, sample->channels, "the sample", sample->model, Control());
        const Model model = open_model(sample->model);
        const auto tokenizer = Tokenizer::open(model.checkpoint->tokenizer_path());
        const auto windows = sample_windows(*tokenizer, plain_folder / "texts/calibration.txt", 4, 128, 7, "none");
        sample->statistics = numerics->calibrate(model, nullptr, windows, {}, Control());
        sample->recipe = base_recipe(model, {}, Semantics::bitwright);
        set_ranges(sample->recipe, model, sample->statistics, RangeRule{});
        sample->recipe.made_by.method = "rtn";
        std::vector<Transform> undo = outlier_transforms(plain, sample->channels);  // moves the large values into the weights again
        for (auto& transform : undo)
            if (auto* pair = std::get_if<ScalePair>(&transform)) {
                std::vector<float> inverse = *pair->scale;
                for (float& s : inverse) s = 1 / s;
                pair->scale = numbers(std::move(inverse));
            }
        sample->workspace = folder / "outlier.bitwright";
        Workspace workspace(sample->workspace);
        ModelRow row;
        row.content_hash = model.checkpoint->content_hash(Control());
        row.family = "llama";
        row.path = sample->model.string();
        const auto id = put_model(workspace, row, model.checkpoint->identity());
        RecipeRow recipe_row;
        recipe_row.model = id;
        recipe_row.calibration = put_calibration(workspace, id, windows, {}, sample->statistics);
        put_recipe(workspace, sample->recipe, recipe_row);
        Recipe moved = sample->recipe;
        moved.transforms = std::move(undo);
        moved.made_by.method = "smoothquant-edge";
        recipe_row.name = "moved";
        put_recipe(workspace, moved, recipe_row);
        return sample;
    }
};

/// Opens a copy of the sample's workspace and adopts the plain round-to-nearest recipe.
inline bool open_outlier_sample(TestDesk& desk, bool with_recipe = true)
{
    const auto* sample = OutlierSample::get();
    const auto copy = desk.path(QStringLiteral("outlier.bitwright"));
    std::filesystem::copy_file(sample->workspace, copy.toStdString(), std::filesystem::copy_options::overwrite_existing);
    bool opened = false;
    const auto connection = QObject::connect(&desk.desk, &views::Desk::statistics_changed, [&] { opened = desk.desk.statistics() != nullptr; });
    desk.desk.open(copy);
    const bool there = wait_until([&] { return opened; }) && desk.settle();
    QObject::disconnect(connection);
    if (!there || !desk.desk.model()) return false;
    if (!with_recipe) return true;
    for (const auto& revision : desk.desk.revisions().all())
        if (revision->row.method == "rtn") desk.desk.revisions().adopt(revision->row.id);
    return wait_until([&] { return desk.desk.recipe() && desk.desk.recipe()->made_by.method == "rtn"; }) && desk.settle();
}

/// A picture to look at, when $BITWRIGHT_PICTURES names a folder.
inline void picture(QWidget& widget, const QString& name)
{
    const QString folder = qEnvironmentVariable("BITWRIGHT_PICTURES");
    if (folder.isEmpty()) return;
    EXPECT_TRUE(widget.grab().save(folder + QLatin1Char('/') + name + QStringLiteral(".png")));
}

}  // namespace bitwright::test

#define BITWRIGHT_NEEDS_OUTLIER_SAMPLE()                                                                   \
    do {                                                                                                   \
        if (::bitwright::test::OutlierSample::get() == nullptr) GTEST_SKIP() << "skipped: no LibTorch here"; \
    } while (false)
