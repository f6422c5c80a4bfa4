// SPDX-License-Identifier: GPL-3.0-or-later
// engine_bench FOLDER [THREADS] [LAYERS] [PACKAGE]: the engine's speed as ratios (core/runtime/bench); FOLDER holds the synthetic packages while it runs.
#include "core/runtime/bench/engine_speed.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

int main(int argc, char** argv)
{
    if (argc < 2) {
        std::fprintf(stderr, "engine_bench FOLDER [THREADS] [LAYERS] [PACKAGE]\n");
        return 2;
    }
    try {
        bitwright::EngineSpeedRequest request;
        request.folder = argv[1];
        if (argc > 2) request.threads = std::atoi(argv[2]);
        if (argc > 3) request.layers = std::atoll(argv[3]);
        if (argc > 4) request.package = argv[4];
        const auto speed = bitwright::measure_engine(request, bitwright::Control());
        std::printf("kernels %s, %d thread%s\n", speed.kernels.c_str(), request.threads, request.threads == 1 ? "" : "s");
        for (const auto& [name, value] : speed.figures) std::printf("%-36s %10.3f\n", name.c_str(), value);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
