// SPDX-License-Identifier: GPL-3.0-or-later
// The phone around the transport: programs for aarch64 really run, its storage is its own, nothing is left of it.
#include "core/runtime/file.h"
#include "tests/support/demo_phone.h"
#include "tests/support/shared_data.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

/// A static program for aarch64 that says what it is and uses dot products where its CPU has them; empty without a cross compiler.
fs::path aarch64_program()
{
    static const fs::path program = [] {
        const auto folder = fs::temp_directory_path() / ("bitwright-aarch64-" + std::to_string(::getpid()));
        fs::create_directories(folder);
        std::ofstream(folder / "p.cpp") << R"(
#include <arm_neon.h>
#include <cstdio>
#include <sys/auxv.h>
__attribute__((target("arch=armv8.2-a+dotprod"))) int dot(int8x16_t a) { return vaddvq_s32(vdotq_s32(vdupq_n_s32(0), a, a)); }
int main(int argc, char** argv)
{
    const bool has = getauxval(AT_HWCAP) >> 20 & 1;
    std::printf("aarch64 %s %d\n", has ? "dotprod" : "plain", has ? dot(vdupq_n_s8(3)) : 144);
    if (argc > 1) {
        std::FILE* file = std::fopen(argv[1], "r");
        char line[100];
        if (file && std::fgets(line, sizeof line, file)) std::printf("%s", line);
    }
    return 7;
})";
        const Ran built = run_program({"aarch64-linux-gnu-g++", "-O1", "-static", "-march=armv8-a", "-o", folder / "p", folder / "p.cpp"});
        return built.code == 0 ? folder / "p" : fs::path();
    }();
    return program;
}

struct Remove {
    ~Remove()
    {
        std::error_code ignored;
        fs::remove_all(fs::temp_directory_path() / ("bitwright-aarch64-" + std::to_string(::getpid())), ignored);
    }
} const remove_program;

struct How {
    const char *tree, *aarch64;
};

void PrintTo(const How& how, std::ostream* out) { *out << how.tree << " " << how.aarch64; }

class DemoPhoneRuns : public ::testing::TestWithParam<How> {};

TEST_P(DemoPhoneRuns, ProgramsForAarch64)
{
    BITWRIGHT_NEEDS_ADB();
    const auto [tree, aarch64] = GetParam();
    if (tree == std::string("namespace") && !has_namespaces()) GTEST_SKIP() << "skipped: this kernel does not let us make namespaces";
    if (aarch64_program().empty()) GTEST_SKIP() << "skipped: no cross compiler (apt install g++-aarch64-linux-gnu)";
    const PrivateAdb adb;
    const DemoPhone phone(scenario("demo"), {.tree = tree, .aarch64 = aarch64}), old(scenario("cortex-a53"), {.tree = tree, .aarch64 = aarch64});
    if (aarch64 != std::string("none") && phone.aarch64() == "none") GTEST_SKIP() << "skipped: no qemu (apt install qemu-user-static)";
    ASSERT_TRUE(adb.connect(phone));
    ASSERT_TRUE(adb.connect(old));
    ASSERT_EQ(adb.on(phone, {"push", aarch64_program(), "/data/local/tmp/b/p"}).code, 0);
    ASSERT_EQ(adb.on(old, {"push", aarch64_program(), "/data/local/tmp/p"}).code, 0);
    const Ran run = adb.on(phone, {"shell", "cd /data/local/tmp/b && ./p"});
    if (phone.aarch64() == "none") {
        EXPECT_EQ(run.code, 126);
        EXPECT_EQ(adb.on(phone, {"shell", "getprop ro.product.cpu.abi"}).out, "x86_64\n") << "it says what it can run";
        return;
    }
    EXPECT_EQ(run.out, "aarch64 dotprod 144\n") << run.error;
    EXPECT_EQ(run.code, 7);
    EXPECT_EQ(adb.on(old, {"shell", "/data/local/tmp/p"}).out, "aarch64 plain 144\n");
    EXPECT_EQ(adb.on(phone, {"shell", "getprop ro.product.cpu.abi"}).out, "arm64-v8a\n");
    // By every way programs are started: a path, PATH, exec, another program, a session of its own.
    EXPECT_EQ(adb.on(phone, {"shell", "cd /data/local/tmp/b; PATH=$PWD:$PATH; p; exec p"}).out, "aarch64 dotprod 144\naarch64 dotprod 144\n");
    EXPECT_EQ(adb.on(phone, {"shell", "timeout 9 /data/local/tmp/b/p; setsid -w nohup /data/local/tmp/b/p 2>/dev/null | cat; env X=1 /data/local/tmp/b/p"}).out,
              "aarch64 dotprod 144\naarch64 dotprod 144\naarch64 dotprod 144\n");
    // It sees the phone's files, not this computer's.
    EXPECT_EQ(adb.on(phone, {"shell", "/data/local/tmp/b/p /sys/class/thermal/thermal_zone0/type"}).out, "aarch64 dotprod 144\ncpu-0-0\n");
    EXPECT_EQ(adb.on(phone, {"shell", "/data/local/tmp/b/p /sys/class/power_supply/battery/status"}).out, "aarch64 dotprod 144\nCharging\n");
    // HWCAP as a program for aarch64 has it.
    EXPECT_NE(adb.on(phone, {"shell", "od -A n -v -t x8 /proc/self/auxv"}).out.find("0000000000000010 00000000"), std::string::npos);
    EXPECT_NE(adb.on(phone, {"shell", "grep -m1 Features /proc/cpuinfo"}).out.find(" asimddp "), std::string::npos);
    EXPECT_EQ(adb.on(old, {"shell", "grep -m1 Features /proc/cpuinfo"}).out.find("asimddp"), std::string::npos);
    if (tree == std::string("namespace")) {
        ASSERT_EQ(adb.on(phone, {"push", aarch64_program(), "/sdcard/p"}).code, 0);
        EXPECT_EQ(adb.on(phone, {"shell", "/sdcard/p"}).code, 126) << "/sdcard is noexec";
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, DemoPhoneRuns,
                         ::testing::Values(How{"namespace", "auto"}, How{"namespace", "prefix"}, How{"namespace", "none"}, How{"plain", "auto"}, How{"plain", "none"}),
                         [](const auto& way) { return std::string(way.param.tree) + "_" + way.param.aarch64; });

class DemoPhoneTree : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override
    {
        BITWRIGHT_NEEDS_ADB();
        if (GetParam() == std::string("namespace") && !has_namespaces()) GTEST_SKIP() << "skipped: this kernel does not let us make namespaces";
    }
};

/// Live processes whose command line or environment names `text`.
std::vector<std::string> processes_naming(const std::string& text)
{
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos || name == std::to_string(::getpid())) continue;
        for (const char* file : {"cmdline", "environ"}) {
            std::ifstream in(entry.path() / file, std::ios::binary);
            const std::string bytes(std::istreambuf_iterator<char>(in), {});
            if (bytes.find(text) != std::string::npos) found.push_back(name + " " + bytes.substr(0, 80));
        }
    }
    return found;
}

TEST_P(DemoPhoneTree, NothingIsLeft)
{
    for (const int signal : {SIGTERM, SIGINT, SIGKILL}) {
        const auto temporary = scratch("left");
        ::setenv("TMPDIR", temporary.c_str(), 1);
        const PrivateAdb adb;
        DemoPhone phone(scenario("demo"), {.tree = GetParam()});
        ::unsetenv("TMPDIR");
        ASSERT_TRUE(adb.connect(phone));
        const std::string marker = "marker" + std::to_string(::getpid()) + std::to_string(signal);
        ASSERT_EQ(adb.on(phone, {"shell", "MARKER=" + marker + " setsid nohup sleep 300 >/dev/null 2>&1 </dev/null & sleep 0.1"}).code, 0);
        EXPECT_FALSE(processes_naming(marker).empty());
        const std::string socket = phone.address().substr(std::string("localfilesystem:").size());
        EXPECT_TRUE(fs::exists(socket));
        EXPECT_EQ(phone.end(signal), signal == SIGKILL ? 137 : 0);
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while ((!processes_naming(marker).empty() || !processes_naming(socket).empty() || fs::exists(socket) || !fs::is_empty(temporary)) && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        EXPECT_TRUE(processes_naming(marker).empty()) << signal << processes_naming(marker).front();
        EXPECT_TRUE(processes_naming(socket).empty()) << signal << processes_naming(socket).front();
        EXPECT_FALSE(fs::exists(socket)) << signal;
        EXPECT_TRUE(fs::is_empty(temporary)) << signal;
    }
}

TEST_P(DemoPhoneTree, KeepsItsDataInAGivenFolder)
{
    const PrivateAdb adb;
    const auto root = scratch("kept");
    {
        const DemoPhone phone(scenario("demo"), {.tree = GetParam(), .root = root});
        ASSERT_TRUE(adb.connect(phone));
        EXPECT_EQ(adb.on(phone, {"shell", "echo kept > /data/local/tmp/k"}).code, 0);
    }
    const DemoPhone phone(scenario("demo"), {.tree = GetParam(), .root = root});
    ASSERT_TRUE(adb.connect(phone));
    EXPECT_EQ(adb.on(phone, {"shell", "cat /data/local/tmp/k"}).out, "kept\n");
}

TEST_P(DemoPhoneTree, WorksWithoutPrivileges)
{
    if (::geteuid() != 0) GTEST_SKIP() << "skipped: already without privileges";
    const PrivateAdb adb;
    const auto folder = scratch("nobody");
    for (const char* part : {"bin", "lib", "run"}) fs::create_directory(folder / part);
    fs::copy(fs::path(BITWRIGHT_BINARY_DIR) / "bin" / "bitwright-demo-phone", folder / "bin");
    fs::copy(fs::path(BITWRIGHT_BINARY_DIR) / "lib" / "libbitwright-demo-exec.so", folder / "lib");
    fs::copy(scenario("demo"), folder);
    for (fs::path each = folder; each.has_relative_path() && each != fs::temp_directory_path(); each = each.parent_path()) ::chmod(each.c_str(), 0755);
    ::chmod((folder / "run").c_str(), 0777);
    const std::string socket = folder / "run" / "s";
    auto [code, output] = std::pair{0, std::string()};
    std::thread phone([&, tree = std::string(GetParam())] {
        const Ran ran = run_program({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", folder / "bin" / "bitwright-demo-phone", "--scenario", folder / "demo.json", "--socket", socket,
                                     "--tree", tree},
                                    {"TMPDIR=" + (folder / "run").string()}, {}, std::chrono::seconds(20));
        code = ran.code;
        output = ran.out + ran.error;
    });
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    Ran hello;
    while (std::chrono::steady_clock::now() < until && hello.out != "shell\n") {
        (void)adb.run({"connect", "localfilesystem:" + socket});
        hello = adb.run({"-s", "localfilesystem:" + socket, "shell", "id -un"});
    }
    EXPECT_EQ(hello.out, "shell\n");
    EXPECT_EQ(adb.run({"-s", "localfilesystem:" + socket, "push", scenario("demo"), "/data/local/tmp/x"}).code, 0);
    if (!aarch64_program().empty()) {
        EXPECT_EQ(adb.run({"-s", "localfilesystem:" + socket, "push", aarch64_program(), "/data/local/tmp/p"}).code, 0);
        EXPECT_EQ(adb.run({"-s", "localfilesystem:" + socket, "shell", "/data/local/tmp/p"}).out, "aarch64 dotprod 144\n");
    }
    for (const auto& process : processes_naming(socket)) ::kill(static_cast<pid_t>(std::stol(process)), SIGTERM);
    phone.join();
    EXPECT_EQ(code, 0);
    EXPECT_NE(output.find("\"ready\":true"), std::string::npos) << output;
    EXPECT_TRUE(fs::is_empty(folder / "run"));
}

INSTANTIATE_TEST_SUITE_P(Trees, DemoPhoneTree, ::testing::Values("namespace", "plain"), [](const auto& tree) { return std::string(tree.param); });

TEST(DemoPhoneProgram, FallsBackWhereNamespacesAreForbidden)
{
    if (!has_namespaces()) GTEST_SKIP() << "skipped: this kernel does not let us make the namespace in which they are forbidden";
    const auto folder = scratch("forbidden");
    const auto run = [&](const std::string& tree) {
        return run_program({"unshare", "-Ur", "sh", "-c",
                            "echo 0 > /proc/sys/user/max_user_namespaces; exec timeout 2 " + std::string(BITWRIGHT_BINARY_DIR) + "/bin/bitwright-demo-phone --scenario " + scenario("demo").string() +
                                " --socket " + (folder / "s").string() + " --tree " + tree},
                           {"TMPDIR=" + folder.string()}, {}, std::chrono::seconds(20));
    };
    EXPECT_NE(run("auto").out.find(R"("tree":"plain")"), std::string::npos);
    const Ran refused = run("namespace");
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.error.find("start it with --tree plain"), std::string::npos) << refused.error;
    EXPECT_TRUE(fs::is_empty(folder));
}

TEST(DemoPhoneProgram, RefusesWithOneSentence)
{
    const std::string program = std::string(BITWRIGHT_BINARY_DIR) + "/bin/bitwright-demo-phone";
    const auto folder = scratch("refused");
    write_text(folder / "bad.json", R"({"battery": {"plugd": "usb"}})");
    const auto run = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), program);
        return run_program(arguments, {}, {}, std::chrono::seconds(10));
    };
    EXPECT_EQ(run({}).code, 2);
    EXPECT_EQ(run({"--scenario", scenario("demo")}).code, 2);
    EXPECT_EQ(run({"--scenario", scenario("demo"), "--socket", folder / std::string(120, 'x')}).code, 2);
    const Ran bad = run({"--scenario", folder / "bad.json", "--socket", folder / "s"});
    EXPECT_EQ(bad.code, 3);
    EXPECT_NE(bad.error.find("bad.json: battery.plugd: is not known here"), std::string::npos) << bad.error;
    EXPECT_EQ(run({"--scenario", folder / "none.json", "--socket", folder / "s"}).code, 3);
    EXPECT_EQ(run({"--scenario", scenario("demo"), "--socket", folder / "bad.json"}).code, 2) << "a file is not replaced by a socket";
    EXPECT_TRUE(fs::exists(folder / "bad.json"));
}

}  // namespace
}  // namespace bitwright::test
