// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/phone_self_test.h"

#include "app/jobs/phone_job.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/remote_store.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/adb/sync.h"
#include "device_bridge/adb/wireless.h"
#include "device_bridge/energy/perfetto.h"
#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"
#include "device_bridge/phone/soc_profile.h"
#include "device_bridge/run/phone_reading.h"
#include "device_bridge/run/phone_run.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

using namespace std::chrono_literals;

/// What one item found; the words of a failure come as an Error.
struct Seen {
    TestOutcome outcome = TestOutcome::passed;
    std::string words;
};
Seen not_tried(std::string why) { return {TestOutcome::not_tried, std::move(why)}; }
Seen failed(std::string why) { return {TestOutcome::failed, std::move(why)}; }
Seen passed(std::string what) { return {TestOutcome::passed, std::move(what)}; }

void wait(std::chrono::milliseconds time, const Control& control)
{
    for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(50ms)) control.check();
}

class PhoneTest {
public:
    PhoneTest(const PhoneSession& phone, Workspace* workspace, const Control& control) : phone_(phone), workspace_(workspace), control_(control) {}

    Seen usb() const
    {
        const auto phones = connected_phones(phone_.target.adb, control_);
        const auto line = std::find_if(phones.begin(), phones.end(), [&](const PhoneLine& one) { return one.serial == phone_.target.serial; });
        if (line == phones.end()) return failed("adb does not list it any more");
        if (line->device_path.starts_with("usb:")) return passed("adb reaches it at " + printable(line->device_path, 60));
        return not_tried("this phone is connected over the network; connect it with a cable and test again");
    }
    Seen shell() const
    {
        const auto answer = run_shell(phone_.target, "echo out; echo err >&2; exit 42", control_);
        if (answer.exit_code != 42) return failed("an exit code of 42 came back as " + std::to_string(answer.exit_code));
        if (answer.output != "out\n" || answer.error != "err\n") return failed("output and errors do not come apart");
        return passed("shell v2: output and errors apart, the exit code received");
    }
    Seen mksh() const
    {
        const auto version = trimmed_answer("echo \"$KSH_VERSION\"");
        if (version.find("MIRBSD KSH") == std::string::npos) return failed("the shell does not say that it is mksh (" + (version.empty() ? "it says nothing" : version) + "); our scripts are POSIX, but were never run by it");
        return passed(version);
    }
    Seen toybox() const
    {
        std::string missing;
        for (const char* tool : {"sha256sum", "dd", "tail", "head", "setsid", "cut", "grep", "df", "base64", "mkfifo", "kill"})
            if (run_shell(phone_.target, shell_command({"command", "-v", tool}), control_).exit_code != 0) missing += (missing.empty() ? "" : ", ") + std::string(tool);
        const auto version = trimmed_answer("toybox --version 2>/dev/null");
        if (!missing.empty()) return failed("missing: " + missing);
        return version.empty() ? failed("every tool is there, but not toybox, with which phones come") : passed(version);
    }
    Seen transfer() const
    {
        std::string name = (fs::temp_directory_path() / "bitwright-test-XXXXXX").string();
        const int made = ::mkstemp(name.data());
        if (made < 0) throw failure(name + ": cannot be made");
        ::close(made);
        const auto remote = root() + "/self-test/file";
        struct Gone {
            std::string file;
            ~Gone() { std::error_code ignored; fs::remove(file, ignored); }
        } gone{name};
        std::string bytes(std::size_t{3} << 20, '\0');
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
        write_text(name, bytes);
        const auto begin = std::chrono::steady_clock::now();
        push_file(phone_.target, name, remote, 0644, {}, control_);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const auto there = remote_sha256(phone_.target, remote, std::nullopt, control_), here = sha256_hex(std::as_bytes(std::span(bytes)));
        (void)run_shell(phone_.target, shell_command({"truncate", "-s", "1000000", remote}), control_);
        const auto kept = append_file(phone_.target, name, remote, {}, control_);
        const auto resumed = remote_sha256(phone_.target, remote, std::nullopt, control_);
        (void)run_shell(phone_.target, shell_command({"rm", "-rf", root() + "/self-test"}), control_);
        if (there != here) return failed("the SHA-256 of what arrived is another");
        if (resumed != here || kept == 0) return failed("going on with a half-sent file does not give the same file");
        return passed("3 MiB at " + std::to_string(static_cast<long>(3 / seconds)) + " MiB/s, the same SHA-256; a cut file was gone on with at " + std::to_string(kept) + " bytes");
    }
    Seen detached() const
    {
        const auto folder = root() + "/self-test-run";
        const auto group = start_detached(phone_.target, folder, "sleep 1; echo done; exit 3", control_);
        const auto state = wait_for_detached(phone_.target, folder, 300ms, 20s, control_);
        (void)start_detached(phone_.target, folder, "sleep 600", control_);
        const bool ended = end_detached(phone_.target, folder, control_);
        (void)run_shell(phone_.target, shell_command({"rm", "-rf", folder}), control_);
        if (state.kind != DetachedState::Kind::finished || state.exit_code != 3) return failed("a command that was left alone did not come to its end");
        if (!ended) return failed("what was started there could not be ended");
        return passed("a command in process group " + std::to_string(group) + " ran without us and its exit code was collected; another one was ended");
    }
    Seen runner() const
    {
        const auto pushed = push_to_phone(phone_, {}, "", control_);
        selftest_on(phone_.target, pushed.remote.runner, control_);
        return passed("the static aarch64 runner starts there and computes what it computes here");
    }
    Seen soc() const
    {
        const auto& facts = phone_.facts;
        if (!facts.soc_model) return failed("the phone does not name its SoC");
        return passed((facts.soc_manufacturer ? *facts.soc_manufacturer + " " : "") + *facts.soc_model + (facts.hexagon_rpc.value_or(false) ? ", with the way to its Hexagon DSP" : ""));
    }
    Seen gauge() const
    {
        const auto& files = phone_.facts.battery_files;
        const auto current = files ? files->find("current_now") : decltype(files->end()){};
        if (!files || current == files->end() || current->second.answer != FileAnswer::value) return failed("the battery's files do not tell the current (many phones deny them); Perfetto or the battery service may");
        return passed("current_now reads " + printable(current->second.value, 30));
    }
    Seen source() const
    {
        const auto choice = probe_energy(phone_.target, phone_.facts, control_);
        auto words = source_name(choice.source) + ", tier " + choice.tier + ": " + choice.why;
        return choice.source == EnergySource::none ? failed(choice.why) : passed(words);
    }
    Seen thermal() const
    {
        const auto& state = phone_.facts.state;
        if (!state.thermal || !state.thermal->status) return failed("no thermal status from the thermal service");
        return passed("thermal status " + thermal_status_name(*state.thermal->status) + ", " + (state.zones ? std::to_string(state.zones->size()) + " zones readable" : "no thermal zones readable"));
    }
    Seen screen() const
    {
        const auto& on = phone_.facts.state.screen_on;
        return on ? passed(*on ? "the phone says that its screen is on" : "the phone says that its screen is off") : failed("the phone does not tell whether its screen is on");
    }
    Seen perfetto() const
    {
        if (run_shell(phone_.target, "command -v perfetto", control_).exit_code != 0) return failed("there is no perfetto on this phone");
        const std::string trace = "/data/misc/perfetto-traces/bitwright-self-test", file = root() + "/self-test.perfetto";
        const auto script = "mkdir -p " + shell_quoted(root()) + "\n(" + perfetto_script(trace, file, file + ".stop", 250, true) + ") > /dev/null 2>&1 &\nsleep 4\ntouch " + shell_quoted(file + ".stop") +
                            "\nwait\nbase64 " + shell_quoted(file) + " 2>/dev/null\n" + shell_command({"rm", "-f", file, file + ".stop", trace});
        const auto answer = run_shell(phone_.target, script, {.output_limit = 8U << 20, .time_limit = 40s}, control_);
        const auto bytes = base64_decoded(answer.output);
        if (!bytes || bytes->empty()) return failed("ended with SIGTERM, Perfetto wrote no trace");
        const auto power = read_perfetto(*bytes);
        if (power.compressed) return failed("its trace is compressed, which is not read");
        return passed("ended with SIGTERM it wrote " + std::to_string(bytes->size()) + " bytes with " + std::to_string(power.battery.samples.size()) + " battery samples");
    }
    Seen suspension() const
    {
        const auto before = battery();
        if (!before || !before->plugged.value_or(false)) return not_tried("the phone is not plugged in; plug it in and test again");
        if (workspace_ == nullptr) return not_tried("it changes the phone, which is written down in a workspace first; name one with -w");
        change_phone(*workspace_, phone_, "charging is suspended", {"setprop", "power.battery_input.suspended", "true"}, {"setprop", "power.battery_input.suspended", "false"}, control_);
        struct Undo {
            const PhoneTest& test;
            ~Undo()
            {
                try {
                    const Control patient;
                    (void)undo_changes(*test.workspace_, test.phone_, patient);
                } catch (const Error&) {  // the list remembers
                }
            }
        } undo{*this};
        Suspension judged;
        for (int second = 0; second < 15 && !judged.works; ++second) {
            wait(1s, control_);
            if (const auto after = battery()) judged = judge_suspension(*before, *after);
        }
        return judged.works ? passed(judged.why) : failed(judged.why);
    }
    Seen pairing() const
    {
        if (!can_pair(phone_.target.adb, control_)) return not_tried("this computer's adb cannot pair (platform tools 30 or newer can); connect by cable once, then adb tcpip 5555");
        return not_tried("open \"Pair device with pairing code\" on the phone, then bitwright-cli devices pair ADDRESS CODE");
    }

private:
    [[nodiscard]] std::string root() const { return std::string(RemoteStore::default_root); }
    [[nodiscard]] std::string trimmed_answer(const std::string& command) const { return printable(trimmed(run_shell(phone_.target, command, control_).output), 100); }
    [[nodiscard]] std::optional<BatteryState> battery() const { return parse_facts(run_shell(phone_.target, state_script(), {.time_limit = 60s}, control_).output).state.battery; }

    const PhoneSession& phone_;
    Workspace* workspace_;
    const Control& control_;
};

struct Item {
    const char *id, *title;
    Seen (PhoneTest::*test)() const;  ///< null: only people can
    const char* how;
};
constexpr Item list[] = {
    {"usb", "A cable: adb reaches the phone over USB", &PhoneTest::usb, ""},
    {"shell", "Commands: output, errors and exit code come apart", &PhoneTest::shell, ""},
    {"mksh", "The phone's shell is mksh and runs our scripts", &PhoneTest::mksh, ""},
    {"toybox", "toybox has every tool our scripts use", &PhoneTest::toybox, ""},
    {"transfer", "Files arrive whole, and a cut transfer goes on", &PhoneTest::transfer, ""},
    {"detached", "A run goes on without us, is collected, and can be ended", &PhoneTest::detached, ""},
    {"runner", "The static runner starts on Android and computes right", &PhoneTest::runner, ""},
    {"soc", "The phone names its SoC", &PhoneTest::soc, ""},
    {"thermal", "Thermal status and zones can be read", &PhoneTest::thermal, ""},
    {"screen", "The phone tells whether its screen is on", &PhoneTest::screen, ""},
    {"gauge", "The battery's own files tell its current", &PhoneTest::gauge, ""},
    {"source", "Some source of energy can be read", &PhoneTest::source, ""},
    {"perfetto", "Perfetto writes its trace when it is ended with SIGTERM", &PhoneTest::perfetto, ""},
    {"suspension", "A plugged phone lives from its battery when asked to", &PhoneTest::suspension, ""},
    {"pairing", "Pairing over Wi-Fi with a code", &PhoneTest::pairing, ""},
    {"permission", "A phone that asks or may not be opened says the next step", nullptr, "connect it for the first time, and once without the udev rules: its card must say to accept the dialog, or which package to install"},
    {"wifi", "A phone on Wi-Fi works as one on a cable", nullptr, "by cable run adb tcpip 5555, pull the cable, then bitwright-cli devices connect ADDRESS, and measure"},
    {"answer", "A package answers on the phone as it does here", nullptr, "measure any recipe: its line must say that the phone answers as this computer does"},
    {"large", "A package of gigabytes arrives after a cut", nullptr, "push it, pull the cable half way, push again: only the rest may be sent"},
    {"energy", "A number for energy that a meter confirms", nullptr,
     "unplug the phone (or use --suspend-charging), measure with --energy-conditions --seconds 60 --batches 5 --idle 60: tier A or B, with few flags; set it against an external meter"},
    {"heat", "A sustained run shows how heat slows the phone", nullptr, "measure with --seconds 900: the minutes must show speed, temperature and clocks going together"},
    {"restart", "A phone that restarts in a run leaves no number", nullptr, "restart it while it measures: the run must be stored as aborted, and the next one work"},
    {"accelerator", "A runtime of others computes on the NPU and proves it", nullptr, "write its script (Other runtimes), run it, store what it left: the run must name the proof, not \"unverified accelerator\""},
    {"unplugged", "A run survives a pulled cable", nullptr, "start a measurement with --seconds 60, pull the cable, plug it in again: the run must be collected with every repeat"},
    {"suspended_phone", "A run survives a sleeping phone", nullptr, "measure for some minutes with the screen off and the cable pulled: the repeats must have no gap"},
    {"meter", "The columns of your external meter are read right", nullptr, "measure with --marker while the meter records, then bitwright-cli energy import and compare the columns it names"},
    {"two_phones", "Two phones at once do not disturb each other", nullptr, "measure on both at the same time and compare with runs alone"},
};

}  // namespace

const char* name_of(TestOutcome outcome) noexcept
{
    switch (outcome) {
        case TestOutcome::passed: return "passed";
        case TestOutcome::failed: return "failed";
        case TestOutcome::not_tried: return "could not be tried";
    }
    return "";
}

SelfTest test_phone(const AdbSettings& settings, const std::string& serial, Workspace* workspace, const Control& control)
{
    const auto phone = open_phone(settings, serial, control);
    SelfTest result{phone.name, phone.simulated, {}};
    const PhoneTest test(phone, workspace, control);
    for (const auto& item : list) {
        control.check();
        control.report({std::string("testing: ") + item.title, 0, 0, false, 0});
        Seen seen;
        try {
            seen = item.test ? (test.*item.test)() : not_tried(item.how);
        } catch (const Cancelled&) {
            throw;
        } catch (const Error& error) {
            seen = failed(error.what());
        }
        result.items.push_back({item.id, item.title, seen.outcome, seen.words});
    }
    return result;
}

SelfTest untried(const std::string& why)
{
    SelfTest result;
    for (const auto& item : list) result.items.push_back({item.id, item.title, TestOutcome::not_tried, item.test ? why : item.how});
    return result;
}

}  // namespace bitwright
