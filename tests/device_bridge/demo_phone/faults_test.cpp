// SPDX-License-Identifier: GPL-3.0-or-later
// What goes wrong on purpose, one scenario each, and what a genuine adb makes of it (texts and codes of 29.0.6).
#include "core/runtime/file.h"
#include "tests/fuzz/mutate.h"
#include "tests/support/demo_phone.h"
#include "tests/support/shared_data.h"

#include "device_bridge/demo_phone/message.h"
#include "device_bridge/demo_phone/services.h"
#include "device_bridge/energy/perfetto.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::test {
namespace {

using std::chrono::milliseconds;

constexpr auto target = "/data/local/tmp/x";

class DemoPhoneFaults : public ::testing::Test {
protected:
    void SetUp() override { BITWRIGHT_NEEDS_ADB(); }
    /// Some MiB in a file.
    static fs::path file(std::size_t mebibytes)
    {
        const auto path = scratch("faults") / "x";
        write_text(path, std::string(mebibytes << 20, 'x'));
        return path;
    }
    /// adb tells failures of push and pull on standard output when that is no terminal.
    static std::string said(const Ran& ran) { return ran.out + ran.error; }
    PrivateAdb adb;
};

TEST_F(DemoPhoneFaults, DropInAPushComesBackAndTheNextOneWorks)
{
    const DemoPhone phone(scenario("drop-push"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran cut = adb.on(phone, {"push", file(24), target});
    EXPECT_EQ(cut.code, 1);
    EXPECT_NE(said(cut).find("failed to copy"), std::string::npos) << said(cut);
    EXPECT_NE(said(cut).find("couldn't read from device"), std::string::npos) << said(cut);
    EXPECT_TRUE(adb.wait_for(phone, "device")) << "adb reconnects by itself";
    EXPECT_NE(adb.on(phone, {"shell", std::string("ls ") + target}).code, 0) << "nothing half-written stays";
    EXPECT_EQ(adb.on(phone, {"push", file(24), target}).code, 0);
}

TEST_F(DemoPhoneFaults, DropInAPull)
{
    const DemoPhone phone(scenario("drop-pull"));
    ASSERT_TRUE(adb.connect(phone));
    ASSERT_EQ(adb.on(phone, {"push", file(24), target}).code, 0);
    const Ran cut = adb.on(phone, {"pull", target, scratch("pulled") / "y"});
    EXPECT_EQ(cut.code, 1) << cut.out << cut.error;
    EXPECT_TRUE(adb.wait_for(phone, "device"));
    EXPECT_EQ(adb.on(phone, {"pull", target, scratch("pulled") / "y"}).code, 0);
}

TEST_F(DemoPhoneFaults, DropInACommandLooksLikeSuccessToAdb)
{
    const DemoPhone phone(scenario("drop-shell"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran cut = adb.on(phone, {"shell", "head -c 1000000 /dev/zero; exit 9"});
    EXPECT_EQ(cut.code, 0) << "this is why nobody may trust the code of adb shell";
    EXPECT_LT(cut.out.size(), 200'000U);
    EXPECT_TRUE(adb.wait_for(phone, "device"));
    EXPECT_EQ(adb.on(phone, {"shell", "exit 9"}).code, 9);
}

/// Our own push of large files appends to them through a shell; the phone lets the same go wrong there as in "sync:".
class DemoPhoneAppends : public DemoPhoneFaults {
protected:
    Ran append(const DemoPhone& phone, std::size_t mebibytes, milliseconds limit = std::chrono::seconds(60)) const
    {
        return adb.on(phone, {"shell", "echo group $$; exec cat >> '" + std::string(target) + "'"}, std::string(mebibytes << 20, 'x'), limit);
    }
    [[nodiscard]] std::uint64_t size(const DemoPhone& phone) const { return std::stoull("0" + adb.on(phone, {"shell", std::string("cat ") + target + " 2>/dev/null | wc -c"}).out); }
    using Faults = std::vector<std::string>;
};

TEST_F(DemoPhoneAppends, Drop)
{
    DemoPhone phone(scenario("drop-push"));
    ASSERT_TRUE(adb.connect(phone));
    (void)append(phone, 24);  // adb's own code says nothing (DropInACommandLooksLikeSuccessToAdb)
    EXPECT_EQ(phone.happened(), Faults{"drop"});
    EXPECT_TRUE(adb.wait_for(phone, "device"));
    const auto there = size(phone);
    EXPECT_GE(there, 4U << 20);
    EXPECT_LT(there, 24U << 20) << "a beginning stays, to be gone on with";
    EXPECT_EQ(append(phone, 24).code, 0);
    EXPECT_EQ(size(phone), there + (24U << 20));
}

TEST_F(DemoPhoneAppends, Freeze)
{
    DemoPhone phone(scenario("freeze-push"));
    ASSERT_TRUE(adb.connect(phone));
    EXPECT_TRUE(append(phone, 24, milliseconds(2500)).timed_out);
    EXPECT_EQ(phone.happened(), Faults{"freeze"});
}

TEST_F(DemoPhoneAppends, Restart)
{
    DemoPhone phone(scenario("reboot"));
    ASSERT_TRUE(adb.connect(phone));
    (void)append(phone, 24);
    EXPECT_EQ(phone.happened(), Faults{"reboot"});
}

TEST_F(DemoPhoneAppends, Full)
{
    DemoPhone phone(scenario("full"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran full = append(phone, 24);
    EXPECT_EQ(full.code, 1);
    EXPECT_NE(full.error.find("No space left on device"), std::string::npos) << full.error;
    EXPECT_EQ(phone.happened(), Faults{"full"});
    EXPECT_LE(size(phone), 2U << 20);
}

TEST_F(DemoPhoneAppends, Slow)
{
    DemoPhone phone(scenario("slow"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran slow = append(phone, 4);
    EXPECT_EQ(slow.code, 0);
    EXPECT_GT(slow.seconds, 2.0);  // 4 MiB at 2 MB/s
    EXPECT_EQ(phone.happened(), Faults{"slow"});
}

TEST_F(DemoPhoneAppends, Denied)
{
    DemoPhone phone(scenario("denied"));
    ASSERT_TRUE(adb.connect(phone));
    EXPECT_NE(adb.on(phone, {"shell", "cat >> /data/local/tmp/locked/x"}, "x").code, 0);
    EXPECT_EQ(phone.happened(), Faults{"denied"});
    EXPECT_NE(adb.on(phone, {"shell", "mkdir -p /data/local/tmp/locked/y"}).code, 0);
}

TEST_F(DemoPhoneAppends, TheFileIsFoundInTheCommand)
{
    EXPECT_EQ(demo::appended_file("echo group $$\nexec cat >> '/data/local/tmp/it'\\''s'"), "/data/local/tmp/it's");
    EXPECT_EQ(demo::appended_file("cat >>/data/x; echo"), "/data/x");
    EXPECT_EQ(demo::appended_file("cat >> '/data/a b' && true"), "/data/a b");
    for (const char* none : {"cat > /data/x", "cat >> ", "cat >>", "cat >> relative", "echo", ""}) EXPECT_FALSE(demo::appended_file(none)) << none;
}

TEST_F(DemoPhoneFaults, ScriptedBenchmarkDies)
{
    const DemoPhone phone(scenario("dies"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran cut = adb.on(phone, {"shell", "benchmark --all"});
    EXPECT_EQ(cut.out, "step 1 of 9\nstep 2 of 9\n");
    EXPECT_EQ(cut.code, 0);
}

TEST_F(DemoPhoneFaults, FrozenPhoneHangsForEver)
{
    const DemoPhone phone(scenario("freeze-push"));
    ASSERT_TRUE(adb.connect(phone));
    EXPECT_TRUE(adb.on(phone, {"push", file(24), target}, {}, milliseconds(1500)).timed_out);
    EXPECT_EQ(adb.state(phone), "device") << "adb does not notice";
    EXPECT_TRUE(adb.on(phone, {"shell", "echo"}, {}, milliseconds(500)).timed_out);
}

TEST_F(DemoPhoneFaults, FrozenForAWhileGoesOn)
{
    const DemoPhone phone(scenario("freeze-shell"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran slow = adb.on(phone, {"shell", "head -c 100000 /dev/zero; exit 5"});
    EXPECT_EQ(slow.code, 5);
    EXPECT_EQ(slow.out.size(), 100'000U);
    EXPECT_GT(slow.seconds, 2.9);
    EXPECT_LT(slow.seconds, 8);
}

TEST_F(DemoPhoneFaults, FullDisk)
{
    const DemoPhone phone(scenario("full"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran full = adb.on(phone, {"push", file(24), target});
    EXPECT_EQ(full.code, 1);
    EXPECT_NE(said(full).find("remote write failed: No space left on device"), std::string::npos) << said(full);
    EXPECT_EQ(adb.on(phone, {"push", file(1), target}).code, 0);
    EXPECT_EQ(adb.on(phone, {"shell", "echo still there"}).out, "still there\n");
}

TEST_F(DemoPhoneFaults, ReallyFullDisk)
{
    if (!has_namespaces()) GTEST_SKIP() << "skipped: this kernel does not let us make namespaces, so no file system of a size";
    const DemoPhone phone(scenario("small"), {.tree = "namespace"});
    ASSERT_TRUE(adb.connect(phone));
    const Ran full = adb.on(phone, {"push", file(24), target});
    EXPECT_EQ(full.code, 1);
    EXPECT_NE(said(full).find("remote write failed: No space left on device"), std::string::npos) << said(full);
    EXPECT_NE(adb.on(phone, {"shell", std::string("ls ") + target}).code, 0) << "nothing half-written stays";
    EXPECT_NE(adb.on(phone, {"push", file(2), "/sdcard/x"}).code, 0);
    EXPECT_EQ(adb.on(phone, {"push", file(6), target}).code, 0);
    EXPECT_NE(adb.on(phone, {"shell", "df -k /data/local/tmp | tail -1"}).out.find(" 8192 "), std::string::npos);
}

TEST_F(DemoPhoneFaults, DeniedFolder)
{
    const DemoPhone phone(scenario("denied"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran denied = adb.on(phone, {"push", file(1), "/data/local/tmp/locked/x"});
    EXPECT_EQ(denied.code, 1);
    EXPECT_NE(said(denied).find("remote couldn't create file: Permission denied"), std::string::npos) << said(denied);
    EXPECT_EQ(adb.on(phone, {"push", file(1), "/data/local/tmp/lockedx"}).code, 0);
}

TEST_F(DemoPhoneFaults, AcceptedAfterAWhile)
{
    const DemoPhone phone(scenario("unauthorized"));
    const Ran connected = adb.run({"connect", phone.address()});
    EXPECT_EQ(connected.out, "failed to authenticate to " + phone.address() + "\n");
    EXPECT_EQ(connected.code, 0);
    EXPECT_EQ(adb.state(phone), "unauthorized");
    const Ran refused = adb.on(phone, {"shell", "echo"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_TRUE(refused.error.starts_with("error: device unauthorized.\n")) << refused.error;
    EXPECT_TRUE(adb.wait_for(phone, "device", milliseconds(5000)));
    EXPECT_EQ(adb.on(phone, {"shell", "echo in"}).out, "in\n");
}

TEST_F(DemoPhoneFaults, NeverAccepted)
{
    const DemoPhone phone(scenario("never-accepted"));
    (void)adb.run({"connect", phone.address()});
    std::this_thread::sleep_for(milliseconds(1000));
    EXPECT_EQ(adb.state(phone), "unauthorized");
}

TEST_F(DemoPhoneFaults, SilentPhoneIsOffline)
{
    const DemoPhone phone(scenario("silent"));
    EXPECT_TRUE(adb.run({"connect", phone.address()}, {}, milliseconds(700)).timed_out) << "it takes adb ten seconds to give up";
    EXPECT_EQ(adb.state(phone), "offline");
    EXPECT_EQ(adb.on(phone, {"shell", "echo"}).error, "error: device offline\n");
}

TEST_F(DemoPhoneFaults, SlowCableIsFlowControl)
{
    const DemoPhone phone(scenario("slow"));
    ASSERT_TRUE(adb.connect(phone));
    const Ran pushed = adb.on(phone, {"push", file(4), target});
    EXPECT_EQ(pushed.code, 0);
    EXPECT_GT(pushed.seconds, 2.0);  // 4 MiB at 2 MB/s
    EXPECT_LT(pushed.seconds, 6.0);
}

TEST_F(DemoPhoneFaults, RestartInTheMiddle)
{
    const DemoPhone phone(scenario("reboot"));
    ASSERT_TRUE(adb.connect(phone));
    const std::string before = adb.on(phone, {"shell", "setsid sleep 100 >/dev/null 2>&1 & cat /proc/sys/kernel/random/boot_id"}).out;
    EXPECT_EQ(adb.on(phone, {"push", file(24), target}).code, 1);
    std::this_thread::sleep_for(milliseconds(2100));
    (void)adb.run({"connect", phone.address()});
    ASSERT_TRUE(adb.wait_for(phone, "device", std::chrono::seconds(20)));
    EXPECT_NE(adb.on(phone, {"shell", "cat /proc/sys/kernel/random/boot_id"}).out, before);
    EXPECT_EQ(adb.on(phone, {"push", file(24), target}).code, 0);
}

TEST_F(DemoPhoneFaults, ClockBehind)
{
    const DemoPhone phone(scenario("clock-skew"));
    ASSERT_TRUE(adb.connect(phone));
    const auto there = std::stoll(adb.on(phone, {"shell", "date +%s"}).out);
    const auto here = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    EXPECT_NEAR(static_cast<double>(here - there), 40 * 86400, 3);
}

TEST_F(DemoPhoneFaults, GaugesThatDoNotAnswer)
{
    const std::string cat = "cat /sys/class/power_supply/battery/";
    for (const std::string tree : {"namespace", "plain"}) {
        if (tree == "namespace" && !has_namespaces()) continue;
        const DemoPhone denied(scenario("gauge-denied"), {.tree = tree}), empty(scenario("gauge-empty"), {.tree = tree});
        ASSERT_TRUE(adb.connect(denied));
        ASSERT_TRUE(adb.connect(empty));
        const Ran refused = adb.on(denied, {"shell", cat + "current_now"});
        EXPECT_EQ(refused.error, "cat: /sys/class/power_supply/battery/current_now: Permission denied\n") << tree;
        EXPECT_EQ(adb.on(empty, {"shell", cat + "current_now"}).out, "");
        EXPECT_NE(adb.on(empty, {"shell", cat + "charge_counter"}).error.find("No such file"), std::string::npos);
    }
}

TEST_F(DemoPhoneFaults, GaugesThatAnswerElsewhere)
{
    for (const std::string tree : {"namespace", "plain"}) {
        if (tree == "namespace" && !has_namespaces()) continue;
        const DemoPhone by_perfetto(scenario("gauge-perfetto"), {.tree = tree}), by_service(scenario("gauge-service"), {.tree = tree});
        ASSERT_TRUE(adb.connect(by_perfetto));
        ASSERT_TRUE(adb.connect(by_service));
        EXPECT_NEAR(std::stod(adb.on(by_service, {"shell", "dumpsys battery get -f current_now"}).out), -400'000, 4'000);
        EXPECT_EQ(adb.on(by_service, {"shell", "dumpsys battery get -f counter"}).out.size(), 8U);
        EXPECT_EQ(adb.on(by_perfetto, {"shell", "dumpsys battery get -f current_now"}).out, "Unknown get option: current_now\n");
        EXPECT_NE(adb.on(by_service, {"shell", "echo | perfetto --txt -c - -o /data/misc/perfetto-traces/x"}).code, 0);
        const std::string trace = "/data/misc/perfetto-traces/x";
        EXPECT_EQ(adb.on(by_perfetto, {"shell", perfetto_command(trace, 1, 250)}).code, 0);
        const PerfettoPower power = read_perfetto(adb.on(by_perfetto, {"exec-out", "cat " + trace}).out);
        EXPECT_TRUE(power.whole);
        ASSERT_EQ(power.battery.samples.size(), 5U);
        EXPECT_NEAR(power.battery.samples[0].current_raw.value_or(0), -400'000, 4'000);
        EXPECT_EQ(power.battery.samples[0].voltage_raw, 3'900'000);
        EXPECT_NEAR(static_cast<double>(power.battery.samples[4].t_ns - power.battery.samples[0].t_ns), 1e9, 0.3e9);
        // Until it is told to stop, beside a run.
        const auto script = scratch("perfetto") / "s.sh";
        write_text(script, perfetto_script(trace, "/data/local/tmp/trace", "/data/local/tmp/stop", 250, true));
        ASSERT_EQ(adb.on(by_perfetto, {"push", script, "/data/local/tmp/s.sh"}).code, 0);
        EXPECT_EQ(adb.on(by_perfetto, {"shell", "cd /data/local/tmp; (sleep 1.2; echo > stop) & sh s.sh; wait"}).code, 0);
        EXPECT_GE(read_perfetto(adb.on(by_perfetto, {"exec-out", "cat /data/local/tmp/trace"}).out).battery.samples.size(), 4U) << tree;
    }
}

TEST_F(DemoPhoneFaults, RecordingAnswersOnlyWhatItHolds)
{
    const DemoPhone phone(scenario("recording"));
    ASSERT_TRUE(adb.connect(phone));
    EXPECT_EQ(adb.on(phone, {"shell", "cd /x && ./genie-t2t-run -c c.json -p Hello"}).out, "[PROMPT]: Hello\n[BEGIN]: Hi there.[END]\n");
    const Ran qnn = adb.on(phone, {"shell", "./qnn-net-run --backend libQnnHtp.so"});
    EXPECT_EQ(qnn.code, 1);
    EXPECT_NE(qnn.error.find("0x80000406"), std::string::npos);
    EXPECT_EQ(adb.on(phone, {"shell", "ls"}).code, 127);
    std::string uptimes;
    for (int i = 0; i < 3; ++i) uptimes += adb.on(phone, {"shell", "cat /proc/uptime"}).out.substr(0, 4);
    EXPECT_EQ(uptimes, "100.160.160.") << "asked again, answered as then";
}

/// Any bytes at the phone's door: it goes on for the next adb.
TEST_F(DemoPhoneFaults, NoBytesBringItDown)
{
    const DemoPhone phone(scenario("demo"));
    const std::string path = phone.address().substr(std::string("localfilesystem:").size());
    using demo::Command;
    const auto packet = [](Command command, std::uint32_t first, std::uint32_t second, const std::string& payload) { return demo::encoded({command, first, second, payload}); };
    const auto u32 = [](std::uint32_t value) {
        std::string out;
        demo::append_u32(out, value);
        return out;
    };
    const std::string hello = packet(Command::connect, demo::protocol_version, demo::largest_payload, "host::");
    const std::vector<std::string> corpus{
        hello + packet(Command::open, 1, 0, std::string("shell,v2,raw:cat\0", 17)) + packet(Command::write, 1, 1, std::string(1, '\0') + u32(4) + "text") + packet(Command::close, 1, 1, ""),
        hello + packet(Command::open, 1, 0, std::string("sync:\0", 6)) + packet(Command::write, 1, 1, "STAT" + u32(5) + "/data") + packet(Command::okay, 1, 1, "") +
            packet(Command::write, 1, 1, "SEND" + u32(27) + "/data/local/tmp/fuzz0,33188" + "DATA" + u32(3) + "abc" + "DONE" + u32(7)) +
            packet(Command::write, 1, 1, "LIS2" + u32(5) + "/data" + "RECV" + u32(4) + "/abc"),
        packet(Command::authenticate, 3, 0, "key") + packet(Command::write, 8, 9, "x") + hello + packet(Command::open, 2, 0, "tcp:x") + packet(Command::open, 3, 0, "shell") + packet(Command::open, 4, 0, ""),
    };
    Mutator mutate(13);
    for (std::size_t i = 0; i < 600; ++i) {
        const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << "after " << i;
        std::string bytes = corpus[i % corpus.size()];
        if (i >= corpus.size()) {  // the heads stay whole in every second one, so that what is behind them is reached
            bytes = i % 2 ? mutate(bytes) : hello + mutate(bytes.substr(hello.size()));
        }
        (void)!::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        std::array<char, 4096> buffer;
        ::recv(socket, buffer.data(), buffer.size(), i % 8 == 0 ? 0 : MSG_DONTWAIT);
        ::close(socket);
    }
    ASSERT_TRUE(adb.connect(phone));
    EXPECT_EQ(adb.on(phone, {"shell", "echo alive"}).out, "alive\n");
}

}  // namespace
}  // namespace bitwright::test
