// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/engine_speeds.h"
#include "core/workspace/marks.h"
#include "core/workspace/models.h"
#include "core/workspace/recipe_history.h"
#include "core/workspace/results.h"
#include "core/workspace/runs.h"
#include "core/workspace/task_scores.h"
#include "core/workspace/tensors.h"
#include "tests/support/shared_data.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fstream>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

Tensor counted(std::size_t count)
{
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 1000);
    return Tensor::from<float>(Dtype::f32, {static_cast<std::int64_t>(count)}, values);
}

TEST(Tensors, SmallOnesLieInTheTableLargeOnesInFiles)
{
    Workspace workspace(test::scratch("tensors") / "w.bitwright");
    const auto small = counted(1000), large = counted((inline_tensor_limit >> 2) + 1), none = counted(0);
    const auto small_hash = put_tensor(workspace, small), large_hash = put_tensor(workspace, large), none_hash = put_tensor(workspace, none);
    EXPECT_EQ(put_tensor(workspace, small), small_hash);
    EXPECT_TRUE(fs::exists(workspace.data_folder() / (large_hash + ".safetensors")));
    EXPECT_FALSE(fs::exists(workspace.data_folder() / (small_hash + ".safetensors")));
    EXPECT_EQ(get_tensor(workspace, small_hash).data, small.data);
    EXPECT_EQ(get_tensor(workspace, large_hash).data, large.data);
    EXPECT_EQ(get_tensor(workspace, large_hash).shape, large.shape);
    EXPECT_EQ(get_tensor(workspace, none_hash).shape, Shape{0});
    EXPECT_THROW((void)get_tensor(workspace, std::string(64, '0')), Error);

    fs::remove(workspace.data_folder() / (large_hash + ".safetensors"));
    try {
        (void)get_tensor(workspace, large_hash);
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("is missing; restore the workspace together with its folder w.bitwright.data"), std::string::npos)
            << error.what();
    }
}

TEST(Tensors, TypeAndShapeBelongToTheHash)
{
    Workspace workspace(test::scratch("tensor-hash") / "w.bitwright");
    auto square = counted(4);
    square.shape = {2, 2};
    EXPECT_NE(put_tensor(workspace, square), put_tensor(workspace, counted(4)));
}

TEST(Tensors, FilesComeBackByteForByte)
{
    const auto folder = test::scratch("files");
    Workspace workspace(folder / "w.bitwright");
    std::ofstream(folder / "in.bin", std::ios::binary) << std::string("a\0b", 3);
    const auto hash = put_file(workspace, folder / "in.bin");
    const StoredFile file(workspace, hash);
    std::ifstream read(file.path(), std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(read), {}), std::string("a\0b", 3));
}

TEST(Tensors, UnreferencedOnesAreCollectedOthersStay)
{
    Workspace workspace(test::scratch("collect") / "w.bitwright");
    const auto model = put_model(workspace, {0, std::string(64, 'c'), "llama", "x", {}, {}, "/m"}, "identity");
    EvaluationRow row;
    row.level = "float";
    row.model = model;
    row.conditions = put_conditions(workspace, {});
    row.definition = "d";
    row.token_hash = std::string(64, 'd');
    row.windows = 2, row.tokens = 6, row.nll_sum = 4;
    row.window_nll = {1, 3};
    const auto id = put_evaluation(workspace, row, {});
    const auto small = put_tensor(workspace, counted(10));
    const auto large = put_tensor(workspace, counted((inline_tensor_limit >> 2) + 1));
    std::ofstream(workspace.data_folder() / "job-7.safetensors.writing-1-0") << "left by a killed process";
    EXPECT_EQ(collect_unreferenced(workspace).rows, 0) << "young ones stay: another process may be about to refer to them";
    const auto collected = collect_unreferenced(workspace, std::chrono::seconds(-1));
    EXPECT_EQ(collected.rows, 2);
    EXPECT_EQ(collected.files, 2);
    EXPECT_THROW((void)get_tensor(workspace, small), Error);
    EXPECT_THROW((void)get_tensor(workspace, large), Error);
    EXPECT_EQ(get_evaluation(workspace, id).window_nll, (std::vector<double>{1, 3}));
}

TEST(Results, AgreementsAndTaskScoresComeBackAndTheirTensorsStay)
{
    Workspace workspace(test::scratch("task-scores") / "w.bitwright");
    const auto model = put_model(workspace, {0, std::string(64, 'c'), "llama", "x", {}, {}, "/m"}, "identity");
    EvaluationRow evaluation;
    evaluation.level = "float";
    evaluation.model = model;
    evaluation.conditions = put_conditions(workspace, {});
    evaluation.definition = "d";
    evaluation.token_hash = std::string(64, 'd');
    evaluation.windows = 2, evaluation.tokens = 8, evaluation.nll_sum = 4;
    evaluation.window_nll = {1, 3};
    const auto plain = put_evaluation(workspace, evaluation, {});
    evaluation.agreement = AgreementRow{0.1 + 0.2, 5, {{0.1, 3, -1}, {0.2, 2, 4}}};
    const auto id = put_evaluation(workspace, evaluation, {});
    EXPECT_FALSE(get_evaluation(workspace, plain).agreement) << "not asked for is absent";
    EXPECT_FALSE(kl_per_token(get_evaluation(workspace, plain)));

    TaskScoreRow score;
    score.task = "small", score.kind = "choice", score.level = "float", score.model = model;
    score.conditions = evaluation.conditions;
    score.definition = "d", score.row_hash = std::string(64, 'e');
    score.outcomes = {{{-1.5, -2}, 0, 0, 1}, {{-3, -1, -2}, 2, 1, 2}};
    const auto task = put_task_score(workspace, score, {});
    score.kind = "pair", score.task = "pairs";
    const auto pairs = put_task_score(workspace, score, {});
    (void)collect_unreferenced(workspace, std::chrono::seconds(-1));

    const auto back = get_evaluation(workspace, id);
    ASSERT_TRUE(back.agreement);
    EXPECT_EQ(back.agreement->kl_sum, 0.1 + 0.2);
    EXPECT_EQ(*top1_agreement(back), 5.0 / 8);
    ASSERT_EQ(back.agreement->windows.size(), 2U);
    EXPECT_EQ(back.agreement->windows[0].first_divergence, -1);
    EXPECT_EQ(back.agreement->windows[1].same_top, 2);
    const auto row = get_task_score(workspace, task);
    EXPECT_EQ(row.rows, 2);
    EXPECT_EQ(row.correct, 1);
    EXPECT_EQ(row.correct_norm, 1);
    ASSERT_EQ(row.outcomes.size(), 2U);
    EXPECT_EQ(row.outcomes[1].log_probabilities, (std::vector<double>{-3, -1, -2}));
    EXPECT_EQ(row.outcomes[1].predicted, 1);
    EXPECT_TRUE(row.outcomes[1].correct_norm());
    EXPECT_FALSE(get_task_score(workspace, pairs).correct_norm) << "pairs have none";
    EXPECT_EQ(find_task_score(workspace, row)->id, task);
    archive_results(workspace, {{"task", task}}, true);
    EXPECT_FALSE(find_task_score(workspace, row));
    EXPECT_EQ(list_task_scores(workspace).size(), 1U);
    EXPECT_EQ(list_task_scores(workspace, true).size(), 2U);
    EXPECT_THROW((void)get_task_score(workspace, 99), Error);
}

TEST(Models, AMovedModelKeepsItsRow)
{
    Workspace workspace(test::scratch("models") / "w.bitwright");
    const std::string content(64, 'e');
    const auto id = put_model(workspace, {0, content, "llama", "x", 656000, {}, "/old"}, "identity 1");
    EXPECT_EQ(put_model(workspace, {0, content, "llama", "x", 656000, {}, "/new"}, "identity 2"), id);
    EXPECT_EQ(known_content_hash(workspace, "identity 2"), content);
    EXPECT_FALSE(known_content_hash(workspace, "identity 3"));
    EXPECT_EQ(find_model(workspace, content)->id, id);
    EXPECT_EQ(get_model(workspace, id).parameters, 656000);
    EXPECT_FALSE(get_model(workspace, id).weight_bytes) << "unknown is absent, not 0";
}

TEST(Results, ConditionsAndEvaluationsComeBack)
{
    Workspace workspace(test::scratch("results") / "w.bitwright");
    Conditions conditions;
    conditions.device_name = "desk";
    conditions.program = "1";
    conditions.backend = "b";
    conditions.threads = 2;
    const auto id = put_conditions(workspace, conditions);
    const auto back = get_conditions(workspace, id);
    EXPECT_EQ(back.device_name, "desk");
    EXPECT_EQ(back.threads, 2);
    EXPECT_FALSE(back.load_average);
    EvaluationRow row;
    row.level = "float";
    row.model = put_model(workspace, {0, std::string(64, 'c'), "llama", "x", {}, {}, "/m"}, "identity");
    row.conditions = id;
    row.definition = "windows";
    row.token_hash = std::string(64, 'd');
    row.windows = 1, row.tokens = 3, row.nll_sum = 0.1 + 0.2;
    row.window_nll = {0.1 + 0.2};
    const auto evaluation = put_evaluation(workspace, row, {});
    EXPECT_EQ(find_evaluation(workspace, row)->id, evaluation);
    EXPECT_EQ(get_evaluation(workspace, evaluation).nll_sum, 0.1 + 0.2) << "bit for bit";
    EXPECT_FALSE(get_evaluation(workspace, evaluation).words);
    row.definition = "other";
    EXPECT_FALSE(find_evaluation(workspace, row));
    EXPECT_THROW((void)get_evaluation(workspace, 99), Error);
    const Reference reference{"evaluation", evaluation};
    tag_result(workspace, reference, {"star"});
    note_result(workspace, reference, "first");
    row.definition = "windows";
    archive_results(workspace, {reference}, true);
    EXPECT_TRUE(list_evaluations(workspace).empty());
    EXPECT_FALSE(find_evaluation(workspace, row)) << "an archived result is not taken for finished work";
    const auto archived = list_evaluations(workspace, true);
    ASSERT_EQ(archived.size(), 1U);
    EXPECT_EQ(archived[0].tags, std::vector<std::string>{"star"});
    EXPECT_EQ(archived[0].note, "first");
    EXPECT_THROW(archive_results(workspace, {reference, {"evaluation", 99}}, false), Error);
    EXPECT_TRUE(list_evaluations(workspace).empty()) << "all or none";
    archive_results(workspace, {reference}, false);
    EXPECT_EQ(list_evaluations(workspace).size(), 1U);
}

// What is copied as SQL gives the rows it was copied from, in their order.
TEST(RecipeHistory, VisitingForgetsWhatCouldBeRedone)
{
    RecipeHistory history;
    EXPECT_FALSE(history.open());
    EXPECT_FALSE(history.walk(-1));
    for (const std::int64_t row : {3, 5, 5, 9}) history.visit(row);
    EXPECT_EQ(history.visited, (std::vector<std::int64_t>{3, 5, 9}));
    EXPECT_FALSE(history.walk(1));
    ASSERT_TRUE(history.walk(-1));
    EXPECT_EQ(history.open(), 5);
    history.visit(7);
    EXPECT_EQ(history.visited, (std::vector<std::int64_t>{3, 5, 7}));
    EXPECT_EQ(history.open(), 7);
}

TEST(Results, TheQueryGivesTheRows)
{
    const auto folder = test::scratch("query");
    const auto path = folder / "w.bitwright";
    Workspace workspace(path);
    const auto conditions = put_conditions(workspace, {});
    EvaluationRow row;
    row.level = "float";
    row.model = put_model(workspace, {0, std::string(64, 'c'), "llama", "x", {}, {}, "/m"}, "identity");
    row.conditions = conditions;
    row.definition = "windows";
    row.token_hash = std::string(64, 'd');
    row.windows = 1, row.tokens = 2, row.nll_sum = 2;
    row.window_nll = {2};
    const auto evaluation = put_evaluation(workspace, row, {});
    std::ofstream(folder / "log.jsonl") << "{}\n";
    RunRow run;
    run.package = put_package(workspace, {0, std::string(64, 'f'), "/p", "r", 10, {}});
    run.conditions = conditions;
    run.prompt_tokens = 4, run.generated = 2, run.repeats = 3;
    run.output_hash = std::string(64, '1');
    run.log = put_file(workspace, folder / "log.jsonl");
    run.start = run.finish = timestamp();
    run.measurements = {{"decode_tokens_per_s", "1/s", 2, {3, 1, 2}}};
    const auto measured = put_run(workspace, run);
    const SQLite::Database db(path.string(), SQLite::OPEN_READONLY);
    SQLite::Statement query(db, results_query({{"run", measured}, {"evaluation", evaluation}}));
    ASSERT_TRUE(query.executeStep());
    EXPECT_EQ(query.getColumn("result").getString(), "run:" + std::to_string(measured));
    EXPECT_EQ(query.getColumn("decode_tokens_per_s").getDouble(), 2);
    EXPECT_TRUE(query.getColumn("prefill_tokens_per_s").isNull());
    ASSERT_TRUE(query.executeStep());
    EXPECT_NEAR(query.getColumn("perplexity_token").getDouble(), 2.718281828, 1e-9);
    EXPECT_FALSE(query.executeStep());
    SQLite::Statement none(db, results_query({}));
    EXPECT_FALSE(none.executeStep());
}

TEST(Runs, EverySampleIsKeptAndTagsNotesArchiveWork)
{
    const auto folder = test::scratch("runs");
    Workspace workspace(folder / "w.bitwright");
    std::ofstream(folder / "log.jsonl") << "{}\n";
    RunRow run;
    run.package = put_package(workspace, {0, std::string(64, 'f'), "/p", "r", 10, {}});
    run.conditions = put_conditions(workspace, {});
    run.prompt_tokens = 4, run.generated = 2, run.repeats = 3;
    run.output_hash = std::string(64, '1');
    run.log = put_file(workspace, folder / "log.jsonl");
    run.start = run.finish = timestamp();
    run.measurements = {{"decode_tokens_per_s", "1/s", median({3, 1, 2}), {3, 1, 2}}};
    const auto id = put_run(workspace, run);
    const Reference reference{"run", id};
    tag_result(workspace, reference, {"a", "b"});
    note_result(workspace, reference, "quiet room");
    auto back = get_run(workspace, id);
    ASSERT_EQ(back.measurements.size(), 1U);
    EXPECT_EQ(back.measurements[0].value, 2);
    EXPECT_EQ(back.measurements[0].samples, (std::vector<double>{3, 1, 2}));
    EXPECT_EQ(back.tags, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(back.note, "quiet room");
    archive_results(workspace, {reference}, true);
    EXPECT_TRUE(list_runs(workspace, false).empty());
    EXPECT_EQ(list_runs(workspace, true).size(), 1U);
    EXPECT_THROW(note_result(workspace, {"run", 99}, "x"), Error);
    EXPECT_THROW(note_result(workspace, {"recipe", 1}, "x"), Error);
    run.output_hash.reset();
    EXPECT_THROW(put_run(workspace, run), Error) << "a finished run says what it generated";
    run.aborted = true;
    EXPECT_NO_THROW(put_run(workspace, run));
    EXPECT_EQ(median({4, 1}), 2.5);
}

// JSON that another program wrote into a column: the file and the column are named, nothing crashes.
TEST(StoredJson, AFaultNamesTheFileAndTheColumn)
{
    const auto folder = test::scratch("stored-json");
    const auto path = folder / "w.bitwright";
    std::ofstream(folder / "log.jsonl") << "{}\n";
    std::string tensor;
    {
        Workspace workspace(path);
        RunRow run;
        run.package = put_package(workspace, {0, std::string(64, 'f'), "/p", "r", 10, {}});
        run.conditions = put_conditions(workspace, {});
        run.prompt_tokens = 4, run.repeats = 3, run.aborted = true;
        run.log = put_file(workspace, folder / "log.jsonl");
        run.start = run.finish = timestamp();
        (void)put_run(workspace, run);
        tensor = put_tensor(workspace, counted(4));
    }
    {
        SQLite::Database db(path.string(), SQLite::OPEN_READWRITE);
        db.exec("PRAGMA ignore_check_constraints = ON");
        db.exec("UPDATE runs SET tags = '{\"a\": 1}'");
        db.exec("UPDATE tensor SET shape = '[4' WHERE sha256 = '" + tensor + "'");
    }
    const Workspace workspace(path);
    const auto fault = [&](const auto& call) -> std::string {
        try {
            call();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            return error.what();
        }
        return "no fault";
    };
    EXPECT_EQ(fault([&] { (void)get_run(workspace, 1); }).find(path.string() + ": run:1, tags: is not what Bitwright writes there"), 0U);
    EXPECT_EQ(fault([&] { (void)list_runs(workspace, true); }).find(path.string() + ": run:1, tags: "), 0U);
    EXPECT_EQ(fault([&] { (void)get_tensor(workspace, tensor); }).find(path.string() + ": tensor " + tensor.substr(0, 12) + ", shape: "), 0U);
}

TEST(EngineSpeeds, EveryRunIsKeptNewestFirst)
{
    Workspace workspace(test::scratch("engine-speeds") / "w.bitwright");
    EngineSpeedRow row;
    row.isa = "avx2";
    row.conditions = put_conditions(workspace, {});
    row.figures = {{"gemm_w8a8_of_peak", 0.9}, {"peak_gop_s", 300.25}};
    (void)put_engine_speed(workspace, row);
    row.package = std::string(64, 'b');
    row.figures = {};
    (void)put_engine_speed(workspace, row);
    const auto rows = list_engine_speeds(workspace);
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].package, std::string(64, 'b'));
    EXPECT_TRUE(rows[0].figures.empty());
    EXPECT_FALSE(rows[1].package.has_value());
    EXPECT_EQ(rows[1].figures, (std::vector<std::pair<std::string, double>>{{"gemm_w8a8_of_peak", 0.9}, {"peak_gop_s", 300.25}}));
    EXPECT_EQ(rows[1].isa, "avx2");
    row.conditions = 99;
    EXPECT_ANY_THROW((void)put_engine_speed(workspace, row));
}

}  // namespace
}  // namespace bitwright
