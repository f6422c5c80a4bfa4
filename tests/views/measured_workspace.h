// SPDX-License-Identifier: GPL-3.0-or-later
// A workspace in which things were measured: a tiny model, a float evaluation, three recipes at two levels, packages, runs with every repeat, one aborted run,
// error per layer of two of the recipes. One recipe is evaluated on other windows, so that it may not be compared.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/placement.h"
#include "core/workspace/models.h"
#include "core/workspace/recipes.h"
#include "core/workspace/runs.h"
#include "core/workspace/tensors.h"
#include "tests/support/models.h"
#include "tests/support/test_desk.h"

#include <cmath>
#include <fstream>

namespace bitwright::test {

inline constexpr std::int64_t measured_windows = 16, measured_tokens = 16 * 127;

class MeasuredWorkspace {
public:
    explicit MeasuredWorkspace(const std::filesystem::path& file) : workspace_(file), folder_(file.parent_path())
    {
        const auto model = bitwright::open_model(golden_models() / "llama");
        std::ofstream(folder_ / "garden.txt") << "a text about a garden";
        text_ = put_text(workspace_, folder_ / "garden.txt");
        ModelRow row;
        row.content_hash = model.checkpoint->content_hash(Control());
        row.family = "llama";
        row.path = (golden_models() / "llama").string();
        row.weight_bytes = 400'000;
        model_ = put_model(workspace_, row, model.checkpoint->identity());
        Conditions conditions;
        conditions.device_name = "this computer";
        conditions.device_facts = R"({"processor": "test", "processors": 2})";
        conditions.program = "Bitwright";
        conditions.backend = "test";
        conditions.threads = 2;
        conditions_ = put_conditions(workspace_, conditions);
        evaluate("float", {}, {}, 3.0, 'a');
        add(model, "rtn-w8a8", "rtn", 3.2, 100'000, 800, 'a', true);
        add(model, "edge-w8a8", "smoothquant-edge", 3.05, 120'000, 1200, 'a', true);
        add(model, "edge-elsewhere", "smoothquant-edge", 2.9, 110'000, 1100, 'b', false);
        RunRow aborted = run_of(packages_.front(), 0);
        aborted.aborted = true;
        aborted.measurements.clear();
        aborted.output_hash.reset();
        aborted.note = "out of memory";
        put_run(workspace_, aborted);
    }
    [[nodiscard]] Workspace& workspace() noexcept { return workspace_; }
    [[nodiscard]] const std::vector<std::int64_t>& recipes() const noexcept { return recipes_; }

private:
    void evaluate(const std::string& level, std::optional<std::int64_t> recipe, std::optional<std::int64_t> package, double nll, char tokens)
    {
        EvaluationRow row;
        row.level = level;
        if (level == "simulated") row.placement = "paper";
        row.model = model_;
        row.recipe = recipe;
        row.package = package;
        row.text = text_;
        row.conditions = conditions_;
        row.definition = "stream, no BOS, windows of 128, all but the first token of each";
        row.token_hash = std::string(64, tokens);
        row.windows = measured_windows, row.tokens = measured_tokens;
        for (std::int64_t i = 0; i < measured_windows; ++i) {
            row.window_nll.push_back(127 * (nll + 0.2 * std::sin(static_cast<double>(i)) + 0.01 * std::cos(7.0 * static_cast<double>(i) * nll)));
            row.nll_sum += row.window_nll.back();
        }
        put_evaluation(workspace_, row, {});
    }
    [[nodiscard]] RunRow run_of(std::int64_t package, double speed)
    {
        std::ofstream(folder_ / "log.jsonl") << "{\"type\":\"hello\",\"version\":\"test\"}\n";
        RunRow run;
        run.package = package;
        run.conditions = conditions_;
        run.prompt_tokens = 64, run.generated = 16, run.repeats = 3;
        run.output_hash = std::string(64, '1');
        run.log = put_file(workspace_, folder_ / "log.jsonl");
        run.start = run.finish = timestamp();
        run.measurements = {{"prefill_tokens_per_s", "1/s", speed, {speed - 10, speed, speed + 10}},
                            {"decode_tokens_per_s", "1/s", speed / 4, {speed / 4 - 2, speed / 4, speed / 4 + 2}},
                            {"peak_rss_bytes", "B", 12e6, {12e6}}};
        return run;
    }
    void add(const Model& model, const std::string& name, const std::string& method, double nll, std::int64_t bytes, double speed, char tokens, bool layers)
    {
        auto recipe = base_recipe(model, {}, Semantics::bitwright);
        recipe.made_by.method = method;
        recipe.made_by.seed = recipes_.size();
        for (auto& [site, decision] : recipe.sites)
            if (model.sites->find(site) != no_site && (*model.sites)[model.sites->find(site)].kind == SiteKind::activation)
                decision.range = {numbers({-4.0F - static_cast<float>(recipes_.size())}), numbers({4}), {}, {}, "by hand"};
        RecipeRow row;
        row.model = model_;
        row.name = name;
        const auto id = put_recipe(workspace_, recipe, row);
        recipes_.push_back(id);
        PackageRow package{0, std::string(63, 'f') + std::to_string(recipes_.size()), "/packages/" + name, recipe_hash(recipe), bytes, id, {}};
        packages_.push_back(put_package(workspace_, package));
        evaluate("simulated", id, {}, nll, tokens);
        evaluate("integer", id, packages_.back(), nll + 0.01, tokens);
        put_run(workspace_, run_of(packages_.back(), speed));
        if (layers) put_layer_errors(workspace_, id, model_, "paper", std::string(64, 'c'), conditions_, {{0, 30 - nll, 0.99, 31 - nll}, {1, 25 - nll, 0.98, 29 - nll}});
    }

    Workspace workspace_;
    std::filesystem::path folder_;
    std::int64_t model_ = 0, text_ = 0, conditions_ = 0;
    std::vector<std::int64_t> recipes_, packages_;
};

/// A desk with that workspace open and a page of it on the screen. With BITWRIGHT_TEST_WORKSPACE: pictures of that one instead.
template <typename PageType>
struct MeasuredDesk {
    TestDesk desk;
    std::unique_ptr<MeasuredWorkspace> measured;
    PageType* page = nullptr;

    explicit MeasuredDesk(bool measure = true)
    {
        const auto path = desk.path(QStringLiteral("w.bitwright"));
        if (measure)
            measured = std::make_unique<MeasuredWorkspace>(path.toStdString());
        else
            Workspace(path.toStdString());
        open(path);
    }
    void open(const QString& path)
    {
        bool opened = false;
        const auto connection = QObject::connect(&desk.desk, &views::Desk::results_changed, [&] { opened = true; });
        desk.desk.open_workspace(path);
        EXPECT_TRUE(wait_until([&] { return opened; }));
        QObject::disconnect(connection);
        if (!page) page = new PageType(desk.desk, &desk.window);
        desk.window.resize(1000, 700);
        page->resize(1000, 700);
        desk.window.show();
        page->activated();
        EXPECT_TRUE(desk.settle());
        QCoreApplication::processEvents();
        EXPECT_TRUE(desk.settle());
    }
};

}  // namespace bitwright::test
