// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/shell.h"

#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/shell_packets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The first line of output names the group of processes that the command leads (adbd gives each command a session); the rest is the command's.
class GroupLine {
public:
    static constexpr std::string_view mark = "bitwright-group ";

    [[nodiscard]] std::optional<std::int64_t> group() const noexcept { return group_; }

    /// What of `text`, and of what was held back before it, is the command's output. A first line without the mark is all output.
    [[nodiscard]] std::string_view behind(std::string_view text)
    {
        if (done_) return text;
        line_.append(text);
        const auto end = line_.find('\n');
        const bool marked = line_.starts_with(mark.substr(0, std::min(mark.size(), line_.size())));
        if (marked && end == std::string::npos && line_.size() < mark.size() + 24) return {};
        done_ = true;
        std::int64_t number = 0;
        if (!marked || end == std::string::npos || end < mark.size() ||
            std::from_chars(line_.data() + mark.size(), line_.data() + end, number).ptr != line_.data() + end || number <= 1)
            return line_;
        group_ = number;
        return std::string_view(line_).substr(end + 1);
    }

    /// What is still held back at the end.
    [[nodiscard]] std::string_view rest()
    {
        const std::string_view held = done_ ? std::string_view{} : std::string_view(line_);
        done_ = true;
        return held;
    }

private:
    std::string line_;
    std::optional<std::int64_t> group_;
    bool done_ = false;
};

/// "-s TERM --" is what both mksh and dash read.
std::string signal_group(std::string_view signal, std::int64_t group)
{
    return "kill -s " + std::string(signal) + " -- -" + std::to_string(group) + " 2>/dev/null";
}

/// One command on one socket.
class Session {
public:
    Session(const AdbTarget& target, std::string_view command, const ShellOptions& options, const Control& control)
        : target_(target),
          options_(options),
          control_(control),
          socket_(open_service(target, std::string("shell,v2,raw:").append(shell_prefix).append(command), control))
    {
        packets_.on_output = [this](std::string_view text) { keep(line_.behind(text), options_.on_output, result_.output); };
        packets_.on_error = [this](std::string_view text) { keep(text, options_.on_error, result_.error); };
    }

    ShellResult run()
    {
        try {
            if (!options_.input) close_input();
            const auto begin = steady_clock::now();
            auto heard = begin;
            while (!packets_.exit_code()) {
                const auto ready = socket_->wait(true, !input_closed_ || pending_sent_ < pending_.size(), milliseconds(100));
                const auto now = steady_clock::now();
                if (ready.readable) {
                    read();
                    heard = now;
                }
                if (ready.writable && write()) heard = now;
                if (options_.time_limit > milliseconds::zero() && now - begin > options_.time_limit) {
                    end_group();
                    throw AdbError(AdbFault::no_answer, printable(target_.serial, 100) + ": a command on the phone took longer than the " +
                                                            seconds(options_.time_limit) + " s it may; it was ended, try again");
                }
                if (options_.silence > milliseconds::zero() && now - heard > options_.silence) {
                    sign_of_life();
                    heard = steady_clock::now();
                }
            }
        } catch (const AdbError& error) {
            // Where the connection is gone there is nobody to end it through; adbd hangs up on the shell.
            if (error.fault() != AdbFault::connection_lost && error.fault() != AdbFault::no_answer) end_group();
            throw;
        } catch (...) {
            end_group();
            throw;
        }
        keep(line_.rest(), options_.on_output, result_.output);
        result_.exit_code = *packets_.exit_code();
        return std::move(result_);
    }

private:
    static std::string seconds(milliseconds time) { return std::to_string((time.count() + 999) / 1000); }

    void keep(std::string_view text, const std::function<void(std::string_view)>& callback, std::string& kept)
    {
        if (text.empty() || ending_) return;
        if (callback) {
            callback(text);
            return;
        }
        if (result_.output.size() + result_.error.size() + text.size() > options_.output_limit)
            throw AdbError(AdbFault::output_limit, printable(target_.serial, 100) + ": a command on the phone printed more than the " +
                                                       std::to_string(options_.output_limit >> 10) + " KiB it may; it was ended");
        kept.append(text);
    }

    void read()
    {
        const auto count = socket_->read_some(buffer_);
        if (count == 0) throw socket_->lost();
        packets_.feed({buffer_.data(), count});
    }

    /// True when bytes went out.
    bool write()
    {
        if (pending_sent_ == pending_.size() && !input_closed_) {
            const auto count = options_.input(input_buffer_);
            if (count == 0)
                close_input();
            else
                queue(shell_packet(ShellPacketId::input, {input_buffer_.data(), count}));
        }
        const auto sent = socket_->write_some(std::string_view(pending_).substr(pending_sent_));
        pending_sent_ += sent;
        return sent > 0;
    }

    void queue(std::string packet)
    {
        pending_ = std::move(packet);
        pending_sent_ = 0;
    }

    void close_input()
    {
        queue(shell_packet(ShellPacketId::close_input, {}));
        input_closed_ = true;
    }

    void sign_of_life() const
    {
        try {
            auto target = target_;
            target.adb.silence = options_.silence;
            const auto socket = open_service(target, "shell,v2,raw:echo", control_);
            (void)socket->read_to_end(4096);
        } catch (const AdbError& error) {
            if (error.fault() == AdbFault::no_answer) throw socket_->silent();
            throw;
        }
    }

    /// Ends what runs on the phone; output that still comes is nobody's.
    void end_group() noexcept
    {
        try {
            ending_ = true;
            socket_->set_control(patient_);
            for (int i = 0; i < 20 && !line_.group() && !packets_.exit_code(); ++i)  // the first line is due at once
                if (socket_->wait(true, false, milliseconds(100)).readable) read();
            if (!line_.group() || packets_.exit_code()) return;
            auto target = target_;
            target.adb.silence = milliseconds(3000);
            (void)run_shell(target, signal_group("TERM", *line_.group()), patient_);
            // A phone whose output nobody reads cannot see the command's end.
            for (const auto end = steady_clock::now() + milliseconds(1000); !packets_.exit_code() && steady_clock::now() < end;)
                if (socket_->wait(true, false, milliseconds(50)).readable) read();
            (void)end_process_group(target, *line_.group(), patient_);
        } catch (const std::exception&) {  // the phone is gone: what was asked for has its own error
        }
    }

    const AdbTarget& target_;
    const ShellOptions& options_;
    const Control& control_;
    const Control patient_;  ///< for what follows a cancel
    std::unique_ptr<HostSocket> socket_;
    ShellPacketReader packets_;
    GroupLine line_;
    ShellResult result_;
    std::string pending_;
    std::size_t pending_sent_ = 0;
    bool input_closed_ = false, ending_ = false;
    std::array<char, 65536> buffer_;
    std::array<char, 65536> input_buffer_;
};

}  // namespace

ShellResult run_shell(const AdbTarget& target, std::string_view command, const ShellOptions& options, const Control& control)
{
    return Session(target, command, options, control).run();
}

std::string shell_output(const AdbTarget& target, std::string_view command, const Control& control, milliseconds more)
{
    auto result = run_shell(target, command, {.silence = target.adb.silence, .time_limit = target.adb.command_limit + more}, control);
    if (result.exit_code != 0) {
        const auto said = result.error.empty() ? "exit code " + std::to_string(result.exit_code) : printable(result.error);
        throw sync_refusal(target.serial, printable(command, 80), said);
    }
    return std::move(result.output);
}

bool end_process_group(const AdbTarget& target, std::int64_t group, const Control& control)
{
    if (group <= 1) throw usage_error("process group " + std::to_string(group) + " is none that a command on a phone has");
    // A member that is ending still counts for signal 0, hence the short waits.
    const std::string wait = "do " + signal_group("0", group) + " || exit 0; sleep 0.1; done\n";
    const std::string script = signal_group("TERM", group) + " || exit 0\nfor i in 1 2 3 4 5 6 7 8 9 10; " + wait + signal_group("KILL", group) +
                               "\nfor i in 1 2 3 4 5; " + wait + "exit 1\n";
    return run_shell(target, script, control).exit_code == 0;
}

}  // namespace bitwright
