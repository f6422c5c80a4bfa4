// SPDX-License-Identifier: GPL-3.0-or-later
// push_bench [MIB [ROUNDS]]: files to and from the demo phone through one genuine adb server, by turns with adb's own client and with ours; medians in MB/s.
#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/sync.h"
#include "tests/device_bridge/adb/adb_lab.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>
#include <vector>

extern char** environ;

namespace {

using namespace bitwright;

void run_adb(const AdbSettings& settings, std::vector<std::string> words)
{
    std::vector<std::string> all{find_adb(settings).string(), "-P", std::to_string(settings.port)};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char*> arguments;
    for (auto& word : all) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    int status = 0;
    if (::posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ) != 0 || ::waitpid(child, &status, 0) != child || status != 0)
        throw std::runtime_error("adb failed");
    posix_spawn_file_actions_destroy(&actions);
}

struct Way {
    const char* name;
    std::function<void()> go;
    std::vector<double> speeds;
};

}  // namespace

int main(int argc, char** argv)
{
    const auto mib = static_cast<std::size_t>(argc > 1 ? std::max(1, std::atoi(argv[1])) : 300);
    const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;
    if (!test::has_adb() || test::demo_phone().empty()) {
        std::fprintf(stderr, "push_bench: needs adb and bitwright-demo-phone\n");
        return 1;
    }
    test::AdbLab lab("push_bench");
    const test::LabPhone phone(lab, "{}");
    const auto target = phone.target();
    const auto file = lab.folder() / "file";
    {
        std::mt19937_64 random(1);
        std::vector<std::uint64_t> words((1u << 20) / 8);
        std::ofstream out(file, std::ios::binary);
        for (std::size_t i = 0; i < mib; ++i) {
            for (auto& word : words) word = random();
            out.write(reinterpret_cast<const char*>(words.data()), 1 << 20);
        }
    }
    const auto& control = lab.control;
    const auto limit = std::uint64_t{mib} << 20;
    const std::string remote = "/data/local/tmp/file", back = (lab.folder() / "back").string();
    std::vector<Way> ways{{"adb push",
                           [&] {
                               run_adb(lab.settings(), {"-s", phone.serial(), "push", file.string(), remote});
                           },
                           {}},
                          {"push_file (sync)", [&] { push_file(target, file, remote, 0644, {}, control); }, {}},
                          {"append_file (resumable)", [&] { (void)append_file(target, file, "/data/local/tmp/appended", {}, control); }, {}},
                          {"adb pull",
                           [&] {
                               run_adb(lab.settings(), {"-s", phone.serial(), "pull", remote, back});
                           },
                           {}},
                          {"pull_file (sync)", [&] { pull_file(target, remote, back, limit, {}, control); }, {}},
                          {"sha256 on the phone", [&] { (void)remote_sha256(target, remote, std::nullopt, control); }, {}}};
    for (int round = 0; round < rounds; ++round) {
        std::ofstream(lab.folder() / "empty");
        push_file(target, lab.folder() / "empty", "/data/local/tmp/appended", 0644, {}, control);
        for (auto& way : ways) {
            const auto begin = std::chrono::steady_clock::now();
            way.go();
            const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
            way.speeds.push_back(static_cast<double>(limit) / 1e6 / seconds.count());
        }
    }
    for (auto& way : ways) {
        std::ranges::sort(way.speeds);
        std::printf("%-26s median %7.1f MB/s   (%.1f to %.1f, %d rounds of %zu MiB)\n", way.name, way.speeds[way.speeds.size() / 2], way.speeds.front(),
                    way.speeds.back(), rounds, mib);
    }
    return 0;
}
