// SPDX-License-Identifier: GPL-3.0-or-later
// What adb and phones answer, mutated: as bytes, and over a real socket, where also silence and early ends count.
#include "core/runtime/file.h"
#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/adb/sync.h"
#include "device_bridge/adb/transcript.h"
#include "tests/device_bridge/adb/adb_lab.h"
#include "tests/fuzz/adb_answers.h"
#include "tests/fuzz/mutate.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <mutex>

namespace bitwright {
namespace {

int iterations(int usual)
{
    const char* more = std::getenv("BITWRIGHT_FUZZ_ITERATIONS");
    return more == nullptr ? usual : std::max(usual, std::atoi(more) / 20);
}

std::string stat_answer()
{
    return sync_wire::head("STA2", 0).append(16, '\1').append("\xa4\x81\0\0", 4).append(12, '\1').append("\5\0\0\0\0\0\0\0", 8).append(24, '\1');
}

const std::array<std::string, 6>& answers()
{
    static const std::array<std::string, 6> all{
        "R5CT90ABCDE            device usb:1-2 product:dm1q model:SM_S911B device:dm1q transport_id:3\n192.168.1.20:5555 offline transport_id:4\n"
        "0123 no permissions (user in plugdev group; are your udev rules wrong?); see [http://x] usb:3-1.4 transport_id:7\n",
        shell_packet(ShellPacketId::output, "hello\n") + shell_packet(ShellPacketId::error, "oops") + shell_packet(ShellPacketId::exit, std::string(1, '\0')),
        stat_answer(),
        "finished 0 1234 99 abc\nrunning 77\n",
        "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/block/dm-5 110000000 5000 100000000 5% /data\n",
        "{\"bitwright_adb_transcript\":1}\n{\"socket\":1,\"ms\":0.1,\"out\":\"000chost:version\"}\n{\"socket\":1,\"ms\":0.2,\"in64\":\"T0tBWQ==\"}\n{"
        "\"socket\":1,\"ms\":2,\"out_bytes\":7}\n"};
    return all;
}

TEST(AdbFuzz, AnswersAsBytes)
{
    test::Mutator mutate(21);
    for (const auto& answer : answers()) test::read_adb_answers(answer);
    for (int i = 0; i < iterations(20'000); ++i) test::read_adb_answers(mutate(answers()[static_cast<std::size_t>(i) % answers().size()]));
}

TEST(AdbFuzz, Transcripts)
{
    test::Mutator mutate(27);
    int read = 0;
    for (int i = 0; i < iterations(20'000); ++i) {
        const auto text = mutate(answers().back());
        try {
            for (const auto& socket : read_transcript(text, "x"))
                for (const auto& event : socket) ASSERT_LE(event.bytes.size(), text.size());
            ++read;
        } catch (const Error& error) {
            ASSERT_EQ(error.kind(), ErrorKind::bad_input) << error.what();
        }
    }
    EXPECT_GT(read, 200);
}

/// A server that answers every connection with the same bytes and then hangs up, or waits for the client to.
class Answering {
public:
    void set(std::string answer, bool hang)
    {
        const std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
        hang_ = hang;
    }
    [[nodiscard]] AdbTarget target() const
    {
        AdbTarget target;
        target.serial = "S";
        target.adb.port = holder_.port();
        target.adb.silence = std::chrono::milliseconds(30);
        return target;
    }

private:
    void serve(int client)
    {
        std::unique_lock lock(mutex_);
        const auto answer = answer_;
        const bool hang = hang_;
        lock.unlock();
        (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        if (!hang) ::shutdown(client, SHUT_WR);
        for (std::array<char, 4096> sink; ::recv(client, sink.data(), sink.size(), 0) > 0;) {
        }
    }

    std::mutex mutex_;
    std::string answer_;
    bool hang_ = false;
    test::PortHolder holder_{[this](int client) { serve(client); }};
};

/// Runs `call` against mutations of `answer`; how often it succeeded. Anything but success, an Error and silence within its limit fails.
template <typename Call>
int survives(unsigned seed, const std::string& answer, int count, Call call)
{
    test::Mutator mutate(seed);
    Answering server;
    server.set(answer, false);
    call(server.target());  // as it is, it works
    int good = 0;
    for (int i = 0; i < count; ++i) {
        server.set(mutate(answer), i % 50 == 0);
        try {
            call(server.target());
            ++good;
        } catch (const Error&) {
        } catch (const std::exception& error) {
            ADD_FAILURE() << "iteration " << i << ": " << error.what();
        }
    }
    return good;
}

TEST(AdbFuzz, SyncOverASocket)
{
    const auto folder = test::scratch("adb_fuzz");
    const Control control;
    const std::string opened = "OKAYOKAY";
    const auto count = iterations(1500);
    EXPECT_GT(survives(22, opened + stat_answer(), count, [&](const AdbTarget& target) { (void)stat_remote(target, "/x", control); }), 10);
    const auto pulled = opened + stat_answer() + sync_wire::head("DATA", 3) + "abc" + sync_wire::head("DATA", 2) + "de" + sync_wire::head("DONE", 0);
    EXPECT_GT(survives(23, pulled, count, [&](const AdbTarget& target) { pull_file(target, "/x", folder / "pulled", 100, {}, control); }), 10);
    EXPECT_LE(std::filesystem::file_size(folder / "pulled"), 100u);
    std::ofstream(folder / "file") << "hello";
    (void)survives(24, opened, 50, [&](const AdbTarget& target) {
        try {
            push_file(target, folder / "file", "/x", 0644, {}, control);
        } catch (const AdbError&) {
        }
    });
}

TEST(AdbFuzz, ShellOverASocket)
{
    const Control control;
    ShellOptions options;
    options.silence = std::chrono::milliseconds(30);
    options.output_limit = 1000;
    const auto ran = "OKAYOKAY" + shell_packet(ShellPacketId::output, "bitwright-group 1234\nout\n") + shell_packet(ShellPacketId::error, "oops") +
                     shell_packet(ShellPacketId::exit, std::string(1, '\3'));
    EXPECT_GT(survives(25, ran, iterations(1500), [&](const AdbTarget& target) { EXPECT_LE(run_shell(target, "x", options, control).output.size(), 1000u); }),
              10);
    EXPECT_GT(
        survives(26, "OKAY0005a b\nc", iterations(1500), [&](const AdbTarget& target) { EXPECT_LE(ask_server(target.adb, "x", control).size(), 1u << 20); }),
        10);
}

}  // namespace
}  // namespace bitwright
