// SPDX-License-Identifier: GPL-3.0-or-later
// Commands that compute, against golden results.
#include "core/runtime/safetensors.h"
#include "tests/app/program.h"
#include "tests/support/shared_data.h"

#include <cmath>
#include <csignal>
#include <fstream>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

fs::path sample() { return fs::path(BITWRIGHT_SOURCE_DIR) / "resources" / "models" / "Bitwright-Sample-2M"; }
fs::path tiny_stories() { return shared() / "data" / "models" / "TinyStories-656K"; }

TEST(Compute, ForwardEqualsGolden)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto folder = scratch("forward");
    const auto model = shared() / "golden" / "models" / "llama";
    const SafetensorsFile golden(model / "golden.safetensors");
    std::ofstream(folder / "ids.json") << nlohmann::json(to_int64(golden.tensor("p0.input_ids"))).dump();
    const auto ended = run_cli({"forward", model.string(), "--ids", (folder / "ids.json").string(), "--out", (folder / "out.safetensors").string(), "--json"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    const SafetensorsFile out(folder / "out.safetensors");
    const auto expected = golden.tensor("p0.f64.logits").as<float>(), got = out.tensor("logits").as<float>();
    ASSERT_EQ(expected.size(), got.size());
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 2e-4);
    EXPECT_TRUE(out.find("hidden.0"));
    EXPECT_TRUE(out.find("hidden." + std::to_string(ended.json()["layers"].get<int>())));
    std::ofstream(folder / "beyond.json") << "[1, 999999]";
    EXPECT_EQ(run_cli({"forward", model.string(), "--ids", (folder / "beyond.json").string(), "--out", (folder / "no.safetensors").string()}).code, 3);
    EXPECT_FALSE(fs::exists(folder / "no.safetensors"));
    std::ofstream(folder / "two.json") << "[1, 2]";
    const auto nan = run_cli({"forward", (shared() / "golden" / "bad" / "nan-weights").string(), "--ids", (folder / "two.json").string(), "--out",
                              (folder / "no.safetensors").string()});
    EXPECT_EQ(nan.code, 3) << nan.err;
    EXPECT_NE(nan.err.find("up_proj.weight"), std::string::npos) << nan.err;
}

TEST(Compute, EvaluateEqualsGoldenAndContinuesAfterAKill)
{
    BITWRIGHT_NEEDS_SHARED();
    std::ifstream file(shared() / "golden" / "evaluation" / "TinyStories-656K.json");
    const auto golden = nlohmann::json::parse(file)["tinystories_64"];
    const auto w = (scratch("evaluate") / "w.bitwright").string();
    const Arguments arguments{"evaluate",  tiny_stories().string(),
                              "--level",   "float",
                              "--text",    (shared() / "data" / "text" / "tinystories.txt").string(),
                              "--length",  "512",
                              "--windows", "24",
                              "-w",        w,
                              "--json"};
    {
        Running running(arguments);
        for (int i = 0; i < 600 && !running.over(); ++i) {  // killed as soon as some windows are stored
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            const auto jobs = fs::exists(w) ? run_cli({"jobs", "list", "-w", w, "--json"}).json() : nlohmann::json();
            if (jobs.is_object() && !jobs["jobs"].empty() && jobs["jobs"][0]["done"].is_number()) break;
        }
        running.signal(SIGKILL);
        (void)running.wait();
    }
    const auto ended = run_cli(arguments);
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto object = ended.json();
    EXPECT_EQ(object["windows"], 24);
    EXPECT_EQ(object["tokens"], 24 * 511);
    EXPECT_TRUE(object["perplexity_word"].is_null());
    EXPECT_EQ(object["threads"], 1) << "as OMP_NUM_THREADS says";
    EXPECT_GT(object["words"], 100000);
    double sum = 0;
    for (std::size_t i = 0; i < 24; ++i) {
        const double expected = golden["window_nll"][i].get<double>(), got = object["window_nll"][i].get<double>();
        EXPECT_NEAR(got, expected, 1e-5 * expected) << i;
        sum += got;
    }
    EXPECT_DOUBLE_EQ(object["nll_sum"].get<double>(), sum);
    EXPECT_DOUBLE_EQ(object["perplexity_token"].get<double>(), std::exp(sum / (24 * 511)));
    const auto jobs = run_cli({"jobs", "list", "-w", w, "--json"}).json()["jobs"];
    EXPECT_EQ(jobs[0]["state"], "done");
}

TEST(Compute, CancelEndsWithFourAndLeavesNothing)
{
    const auto w = scratch("cancel") / "w.bitwright";
    Running running(
        {"evaluate", sample().string(), "--level", "float", "--text", (sample() / "texts" / "evaluation.txt").string(), "--length", "128", "-w", w.string()});
    for (int i = 0; i < 600 && !running.over(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const auto jobs = fs::exists(w) ? run_cli({"jobs", "list", "-w", w.string(), "--json"}).json() : nlohmann::json();
        if (jobs.is_object() && !jobs["jobs"].empty()) break;
    }
    running.signal(SIGINT);
    const auto ended = running.wait();
    EXPECT_EQ(ended.code, 4) << ended.err;
    EXPECT_EQ(run_cli({"jobs", "list", "-w", w.string(), "--json"}).json()["jobs"][0]["state"], "cancelled");
    EXPECT_FALSE(fs::exists(w.string() + ".data"));
}

TEST(Compute, TheSameCalibrationIsNeverDoneTwice)
{
    const auto w = (scratch("calibrate") / "w.bitwright").string();
    const Arguments arguments{
        "calibrate", sample().string(), "--text", (sample() / "texts" / "calibration.txt").string(), "--samples", "2", "--length", "64", "--seed", "3", "-w",
        w,           "--json"};
    const auto first = run_cli(arguments);
    ASSERT_EQ(first.code, 0) << first.err;
    const auto second = run_cli(arguments).json();
    EXPECT_EQ(first.json()["calibration"], "calibration:1");
    EXPECT_FALSE(first.json()["reused"]);
    EXPECT_EQ(second["calibration"], "calibration:1");
    EXPECT_TRUE(second["reused"]);
    EXPECT_EQ(second["threads"], 1) << "of the process that computed it";
    const auto statistics = run_cli({"statistics", "calibration:1", "--site", "layers.{0,3}.mlp.down_proj.*", "-w", w, "--json"}).json();
    EXPECT_EQ(statistics["sites"].size(), 4U);  // input and output of two layers
    EXPECT_LE(statistics["sites"][0]["min"], statistics["sites"][0]["max"]);
    const auto nothing = run_cli({"statistics", "calibration:1", "--site", "layers.9.*", "-w", w});
    EXPECT_EQ(nothing.code, 3);
    EXPECT_NE(nothing.err.find("matches no site"), std::string::npos) << nothing.err;
}

TEST(Compute, WhatACalibrationHoldsOutIsWhatAMethodIsCheckedOn)
{
    const auto w = (scratch("holdout") / "w.bitwright").string();
    const auto calibrate = [&](const char* share) {
        return run_cli({"calibrate", sample().string(), "--text", (sample() / "texts" / "calibration.txt").string(), "--samples", "8", "--length", "64", "--seed", "3",
                        "--holdout-share", share, "-w", w, "--json"});
    };
    const auto apart = calibrate("25");
    ASSERT_EQ(apart.code, 0) << apart.err;
    EXPECT_EQ(apart.json()["windows"], 8);
    EXPECT_EQ(apart.json()["held_out"], 2);
    EXPECT_EQ(calibrate("0").json()["calibration"], "calibration:2") << "another text is observed";
    EXPECT_EQ(calibrate("60").code, 2);
    const auto like = run_cli({"calibrate", sample().string(), "--like", "calibration:1", "-w", w, "--json"});
    EXPECT_TRUE(like.json()["reused"]) << like.err;
    const auto windows_kept_back_by_the_method = [&](const char* calibration) {
        const auto made = run_cli({"quantize", sample().string(), "--calibration", calibration, "--method", "mobilequant", "--preset", "quick", "--weights", "8", "--activations",
                                   "8", "-w", w, "--json"});
        EXPECT_EQ(made.code, 0) << made.err;
        const auto recipe = run_cli({"recipe", "show", made.json()["recipe"].get<std::string>(), "-w", w, "--json"}).json()["value"];
        return nlohmann::json::parse(recipe["made_by"]["options"].get<std::string>())["holdout_windows"];
    };
    EXPECT_EQ(windows_kept_back_by_the_method("calibration:1"), "0") << "it has the calibration's";
    EXPECT_EQ(windows_kept_back_by_the_method("calibration:2"), "1") << "it takes one of the eight";
}

TEST(Compute, AKilledOptimizationGoesOnFromItsCheckpoint)
{
    const auto folder = scratch("optimize");
    const auto arguments = [&](const char* name) {
        return Arguments{"quantize",
                         sample().string(),
                         "--text",
                         (sample() / "texts" / "calibration.txt").string(),
                         "--samples",
                         "2",
                         "--length",
                         "32",
                         "--seed",
                         "1",
                         "--method",
                         "mobilequant-paper",
                         "--weights",
                         "4",
                         "--activations",
                         "8",
                         "--steps",
                         "64",
                         "--name",
                         "mq",
                         "-w",
                         (folder / name).string(),
                         "--json"};
    };
    {
        Running running(arguments("killed.bitwright"));
        for (int i = 0; i < 3000 && !running.over() && !fs::exists(folder / "killed.bitwright.data" / "job-2.safetensors"); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        running.signal(SIGKILL);
        EXPECT_EQ(running.wait().code, -SIGKILL) << "it ended before it could be killed";
    }
    EXPECT_EQ(run_cli({"jobs", "list", "-w", (folder / "killed.bitwright").string(), "--json"}).json()["jobs"][0]["state"], "interrupted");
    const auto resumed = run_cli({"jobs", "resume", "job:2", "-w", (folder / "killed.bitwright").string(), "--json"});
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_TRUE(resumed.json()["resumed"]);
    EXPECT_EQ(resumed.json()["steps"], 64);
    EXPECT_EQ(resumed.json()["threads"], 1);
    const auto whole = run_cli(arguments("whole.bitwright"));
    ASSERT_EQ(whole.code, 0) << whole.err;
    EXPECT_FALSE(whole.json()["resumed"]);
    EXPECT_EQ(resumed.json()["hash"], whole.json()["hash"]) << "the same recipe, to the bit";
    EXPECT_FALSE(fs::exists(folder / "killed.bitwright.data")) << "a finished job leaves no checkpoint";
    EXPECT_EQ(run_cli({"quantize", sample().string(), "--calibration", "calibration:1", "--method", "magic", "--weights", "8", "--activations", "8", "-w",
                       (folder / "whole.bitwright").string()})
                  .code,
              2);
}

TEST(Compute, GenerateContinuesAText)
{
    const auto object = run_cli({"generate", sample().string(), "--prompt", "Once upon a time", "--tokens", "5", "--json"}).json();
    ASSERT_TRUE(object.is_object());
    EXPECT_LE(object["ids"].size(), 5U);
    EXPECT_TRUE(object["text"].is_string());
}

}  // namespace
}  // namespace bitwright::test
