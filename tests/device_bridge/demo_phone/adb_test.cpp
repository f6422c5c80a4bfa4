// SPDX-License-Identifier: GPL-3.0-or-later
// The demo phone through a genuine adb: what the transport has to do.
#include "core/runtime/file.h"
#include "tests/support/demo_phone.h"
#include "tests/support/shared_data.h"

#include <algorithm>
#include <future>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

std::string noise(std::size_t size)
{
    std::string bytes(size, '\0');
    std::uint32_t state = 1;
    for (char& c : bytes) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
}

class DemoPhoneByAdb : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override
    {
        BITWRIGHT_NEEDS_ADB();
        if (GetParam() == std::string("namespace") && !has_namespaces()) GTEST_SKIP() << "skipped: this kernel does not let us make namespaces";
        phone = std::make_unique<DemoPhone>(scenario("demo"), DemoPhone::Options{.tree = GetParam()});
        adb = std::make_unique<PrivateAdb>();
        ASSERT_TRUE(adb->connect(*phone));
        EXPECT_EQ(phone->tree(), GetParam());
    }
    Ran shell(const std::string& command, const std::string& input = {}) const { return adb->on(*phone, {"shell", command}, input); }

    std::unique_ptr<DemoPhone> phone;
    std::unique_ptr<PrivateAdb> adb;
};

TEST_P(DemoPhoneByAdb, IsListed)
{
    EXPECT_NE(adb->run({"devices", "-l"}).out.find(phone->address() + " device product:bitwright_demo model:Demo_Phone device:demo transport_id:"), std::string::npos);
    EXPECT_EQ(adb->run({"connect", phone->address()}).out, "already connected to " + phone->address() + "\n");
    EXPECT_EQ(adb->on(*phone, {"get-state"}).out, "device\n");
    EXPECT_EQ(adb->on(*phone, {"features"}).out, "shell_v2\ncmd\nstat_v2\nls_v2\nfixed_push_mkdir\n");
}

TEST_P(DemoPhoneByAdb, RunsCommands)
{
    EXPECT_EQ(shell("echo hi").out, "hi\n");
    const Ran both = shell("echo out; echo err >&2; exit 42");
    EXPECT_EQ(both.out, "out\n");
    EXPECT_EQ(both.error, "err\n");
    EXPECT_EQ(both.code, 42);
    EXPECT_EQ(shell("kill -9 $$").code, 137);
    EXPECT_EQ(shell("no_such_command").code, 127);
    EXPECT_EQ(adb->on(*phone, {"exec-out", R"(printf '\001\000\377\r\n'; echo e >&2)"}).out, std::string("\001\000\377\r\ne\n", 7));
    EXPECT_EQ(shell("cat; echo end", "hello\n").out, "hello\nend\n");
    const std::string much = noise(3 << 20);
    EXPECT_EQ(shell("wc -c", much).out, std::to_string(much.size()) + "\n");
    EXPECT_TRUE(shell("cat", much).out == much);
    EXPECT_EQ(shell("head -c 5000000 /dev/zero | tr '\\0' x").out.size(), 5'000'000U);
    EXPECT_EQ(adb->on(*phone, {"shell", "-tt", "test -t 0 && test -t 1 && echo terminal; exit 3"}).out, "terminal\r\n");
    EXPECT_EQ(adb->on(*phone, {"shell", "-tt", "exit 3"}).code, 3);
}

TEST_P(DemoPhoneByAdb, ManyCommandsAtOnce)
{
    std::vector<std::future<Ran>> running;
    for (int i = 0; i < 12; ++i) running.push_back(std::async(std::launch::async, [&, i] { return shell("sleep 0.3; echo " + std::to_string(i) + "; exit " + std::to_string(i)); }));
    for (int i = 0; i < 12; ++i) {
        const Ran ran = running[static_cast<std::size_t>(i)].get();
        EXPECT_EQ(ran.out, std::to_string(i) + "\n");
        EXPECT_EQ(ran.code, i);
        EXPECT_LT(ran.seconds, 8);
    }
}

TEST_P(DemoPhoneByAdb, MovesFilesAndFolders)
{
    const auto folder = scratch("demo_phone");
    const std::string bytes = noise(9'000'001);
    write_text(folder / "a", bytes);
    ::chmod((folder / "a").c_str(), 0755);
    const Ran pushed = adb->on(*phone, {"push", folder / "a", "/data/local/tmp/deep/er/a"});
    EXPECT_EQ(pushed.code, 0) << pushed.error;
    EXPECT_NE(pushed.out.find("1 file pushed, 0 skipped"), std::string::npos);
    EXPECT_EQ(shell("stat -c '%a %s' /data/local/tmp/deep/er/a").out, "777 9000001\n");  // the owner's bits for all, as adbd does
    EXPECT_EQ(adb->on(*phone, {"pull", "/data/local/tmp/deep/er/a", folder / "b"}).code, 0);
    EXPECT_TRUE(read_text(folder / "b") == bytes);

    fs::create_directories(folder / "tree" / "sub");
    for (int i = 0; i < 20; ++i) write_text(folder / "tree" / (i % 2 ? "sub" : ".") / ("f" + std::to_string(i)), noise(static_cast<std::size_t>(i) * 1000));
    EXPECT_EQ(adb->on(*phone, {"push", folder / "tree", "/data/local/tmp/"}).code, 0);
    const Ran again = adb->on(*phone, {"push", "--sync", folder / "tree", "/data/local/tmp/"});
    EXPECT_NE(again.out.find("0 files pushed, 20 skipped"), std::string::npos) << again.out << again.error;
    EXPECT_EQ(adb->on(*phone, {"pull", "/data/local/tmp/tree", folder / "back"}).code, 0);
    EXPECT_TRUE(read_text(folder / "back" / "sub" / "f19") == noise(19000));

    EXPECT_NE(adb->on(*phone, {"pull", "/data/local/tmp/none", folder / "n"}).out.find("failed to stat remote object '/data/local/tmp/none': No such file or directory"), std::string::npos);
    const Ran over = adb->on(*phone, {"push", folder / "a", "/data/local/tmp/deep/er/a/b"});
    EXPECT_EQ(over.code, 1);
    EXPECT_NE((over.out + over.error).find("stat failed when trying to push to /data/local/tmp/deep/er/a/b: Not a directory"), std::string::npos) << over.out << over.error;
    const Ran system = adb->on(*phone, {"push", folder / "a", "/system/a"});
    EXPECT_EQ(system.code, 1);
    EXPECT_NE((system.out + system.error).find("remote couldn't create file: Read-only file system"), std::string::npos) << system.out << system.error;
}

TEST_P(DemoPhoneByAdb, ForwardsAPort)
{
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    const Ran forwarded = adb->on(*phone, {"forward", "tcp:0", "tcp:7"});
    ::close(listener);
    EXPECT_EQ(forwarded.code, 0) << forwarded.error;
    const int port = std::atoi(forwarded.out.c_str());
    EXPECT_GT(port, 0);
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    char byte = 0;
    EXPECT_LE(::read(socket, &byte, 1), 0) << "nothing listens on the phone's port 7: closed";
    ::close(socket);
}

TEST_P(DemoPhoneByAdb, ADetachedRunSurvivesDisconnection)
{
    EXPECT_EQ(shell(R"(cd /data/local/tmp; setsid nohup sh -c "sleep 0.5; echo done > d; sleep 60" >/dev/null 2>&1 </dev/null & echo $!)").code, 0);
    EXPECT_EQ(adb->run({"disconnect", phone->address()}).code, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(800));
    ASSERT_TRUE(adb->connect(*phone));
    EXPECT_EQ(shell("cat /data/local/tmp/d").out, "done\n");
}

TEST_P(DemoPhoneByAdb, ACancelledClientLeavesChildrenRunning)
{
    // As adbd: only the shell is told; "a; b" of it lives on.
    const Ran cut = adb->on(*phone, {"shell", "cd /data/local/tmp; sh -c 'sleep 1; echo late > late'; echo never > never"}, {}, std::chrono::milliseconds(400));
    EXPECT_TRUE(cut.timed_out);
    std::this_thread::sleep_for(std::chrono::milliseconds(1200));
    EXPECT_EQ(shell("cat /data/local/tmp/late").out, "late\n");
    EXPECT_NE(shell("cat /data/local/tmp/never").code, 0) << "the shell itself is gone";
}

TEST_P(DemoPhoneByAdb, AnswersWhatFactsAsk)
{
    EXPECT_EQ(shell("getprop ro.soc.model; getprop ro.build.version.sdk; getprop no.such; getprop no.such other").out, "SM8650\n34\n\nother\n");
    EXPECT_NE(shell("getprop").out.find("[ro.board.platform]: [pineapple]\n"), std::string::npos);
    EXPECT_EQ(shell("getprop ro.bitwright.demo; getprop ro.bitwright.demo.tree").out, std::string("1\n") + GetParam() + "\n");
    EXPECT_EQ(shell("id -un; id").out.substr(0, 22), "shell\nuid=2000(shell) ");
    EXPECT_EQ(shell("uname -r; uname -m; getenforce").out.substr(0, 28), "6.1.57-android14-11-demo\naar");
    EXPECT_NE(shell("cat /proc/meminfo").out.find("MemTotal:        8388608 kB\n"), std::string::npos);
    EXPECT_NE(shell("grep -m1 Features /proc/cpuinfo").out.find("asimd"), std::string::npos);
    EXPECT_EQ(shell("cat /sys/devices/soc0/soc_id /sys/devices/system/cpu/cpu7/cpufreq/cpuinfo_max_freq").out, "557\n3302400\n");
    EXPECT_EQ(shell("ls /vendor/lib64/libcdsprpc.so").code, 0);
    EXPECT_EQ(shell("df -k /data/local/tmp").code, 0);
    EXPECT_NE(shell("dumpsys battery").out.find("  level: 64\n"), std::string::npos);
    EXPECT_NE(shell("dumpsys thermalservice").out.find("mName=SKIN"), std::string::npos);
    EXPECT_NE(shell("dumpsys nothing").error.find("Can't find service: nothing"), std::string::npos);
    EXPECT_EQ(shell("ls /sys/class/power_supply").out, "battery\nusb\n");
    EXPECT_EQ(shell("grep -sH '' /sys/class/thermal/thermal_zone0/type").out, "/sys/class/thermal/thermal_zone0/type:cpu-0-0\n");
    EXPECT_EQ(shell("settings put global stay_on_while_plugged_in 3; settings get global stay_on_while_plugged_in; settings get global nothing").out, "3\nnull\n");
    EXPECT_EQ(shell("toybox sha256sum /dev/null").out.substr(0, 8), "e3b0c442");
    EXPECT_EQ(shell("cd /data/local/tmp && pwd").out, "/data/local/tmp\n");
}

TEST_P(DemoPhoneByAdb, RunsScriptsThatNameItsPaths)
{
    const auto folder = scratch("scripts");
    write_text(folder / "s.sh", "#!/system/bin/sh\nread t < /sys/class/thermal/thermal_zone0/type\necho $1 $t > /data/local/tmp/o\ncat /data/local/tmp/o\npwd\n");
    ::chmod((folder / "s.sh").c_str(), 0755);
    ASSERT_EQ(adb->on(*phone, {"push", folder / "s.sh", "/data/local/tmp/d/s.sh"}).code, 0);
    EXPECT_EQ(shell("cd /data/local/tmp/d && sh s.sh a").out, "a cpu-0-0\n/data/local/tmp/d\n");
    EXPECT_EQ(shell("cd /data/local/tmp/d && ./s.sh b").out, "b cpu-0-0\n/data/local/tmp/d\n");
    EXPECT_EQ(shell("cd /data; timeout 5 /data/local/tmp/d/s.sh c; setsid -w sh /data/local/tmp/d/s.sh d").out, "c cpu-0-0\n/data\nd cpu-0-0\n/data\n");
    EXPECT_EQ(shell("sh -c 'echo \"$0 $1\"; cat /data/local/tmp/o' x y").out, "x y\nd cpu-0-0\n");
    EXPECT_EQ(adb->on(*phone, {"shell", "sh"}, "cat /proc/self/comm\n").out, "cat\n");
}

TEST_P(DemoPhoneByAdb, TakesItsSupplyAway)
{
    EXPECT_EQ(shell("cat /sys/class/power_supply/battery/status").out, "Charging\n");
    EXPECT_EQ(shell("setprop power.battery_input.suspended true; sleep 0.4; cat /sys/class/power_supply/battery/status").out, "Discharging\n");
    EXPECT_LT(std::atol(shell("cat /sys/class/power_supply/battery/current_now").out.c_str()), -250'000);
    EXPECT_EQ(shell("setprop power.battery_input.suspended false; sleep 0.4; cat /sys/class/power_supply/battery/status").out, "Charging\n");
    const Ran refused = shell("setprop ro.product.model x");
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.error.find("Failed to set property 'ro.product.model' to 'x'."), std::string::npos);
}

TEST_P(DemoPhoneByAdb, DrawsMoreWhileItWorks)
{
    EXPECT_EQ(shell("setprop power.battery_input.suspended true").code, 0);
    const auto current = [&] { return std::atol(shell("cat /sys/class/power_supply/battery/current_now").out.c_str()); };
    constexpr long most_idle = -325'000;  // of the scenario; negative: it discharges
    EXPECT_EQ(shell("for i in 1 2 3; do setsid timeout 20 sh -c 'while :; do :; done' >/dev/null 2>&1 </dev/null & done").code, 0);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(15);
    long busy = 0;
    while (busy > most_idle - 100'000 && std::chrono::steady_clock::now() < until) busy = current();
    EXPECT_LE(busy, most_idle - 100'000) << "420 mA for each core that it really got";
}

TEST_P(DemoPhoneByAdb, RestartsWhenAsked)
{
    const std::string before = shell("echo kept > /data/local/tmp/kept; cat /proc/sys/kernel/random/boot_id").out;
    EXPECT_EQ(adb->on(*phone, {"reboot"}).code, 0);
    EXPECT_TRUE(adb->wait_for(*phone, "device", std::chrono::seconds(20)) || adb->connect(*phone));
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(15);
    Ran after = shell("cat /proc/sys/kernel/random/boot_id");
    while ((after.code != 0 || after.out.empty() || after.out == before) && std::chrono::steady_clock::now() < until) {
        (void)adb->run({"connect", phone->address()});
        after = shell("cat /proc/sys/kernel/random/boot_id");
    }
    EXPECT_EQ(after.out.size(), before.size());
    EXPECT_NE(after.out, before);
    EXPECT_EQ(shell("cat /data/local/tmp/kept").out, "kept\n");
}

INSTANTIATE_TEST_SUITE_P(Trees, DemoPhoneByAdb, ::testing::Values("namespace", "plain"), [](const auto& tree) { return std::string(tree.param); });

TEST(DemoPhoneServer, ShowsPhonesComeAndGo)
{
    BITWRIGHT_NEEDS_ADB();
    const PrivateAdb adb;
    auto tracked = std::async(std::launch::async, [&] { return adb.run({"track-devices", "-l"}, {}, std::chrono::milliseconds(2500)); });
    {
        const DemoPhone first(scenario("twin")), second(scenario("twin"), {.port = true});
        ASSERT_TRUE(adb.connect(first));
        ASSERT_TRUE(adb.connect(second));
        EXPECT_EQ(adb.run({"shell", "echo"}).error, "error: more than one device/emulator\n");
        EXPECT_EQ(adb.on(first, {"shell", "getprop ro.serialno"}).out, adb.on(second, {"shell", "getprop ro.serialno"}).out);
        EXPECT_EQ(adb.on(second, {"shell", "echo 2 > /data/local/tmp/who"}).code, 0);
        EXPECT_NE(adb.on(first, {"shell", "cat /data/local/tmp/who"}).code, 0);
        EXPECT_EQ(adb.run({"disconnect"}).code, 0);
    }
    const std::string frames = tracked.get().out;
    EXPECT_EQ(frames.substr(0, 4), "0000");
    EXPECT_NE(frames.find("localfilesystem:"), std::string::npos);
    EXPECT_NE(frames.find("127.0.0.1:"), std::string::npos);
    EXPECT_EQ(frames.substr(frames.size() - 4), "0000");
}

}  // namespace
}  // namespace bitwright::test
