// SPDX-License-Identifier: GPL-3.0-or-later
// The terminal as a host: results on stdout, sentences and progress on stderr, Ctrl-C asks the command to stop.
#include "app/cli/command_line.h"
#include "app/cli/print.h"

#include <atomic>
#include <csignal>
#include <iostream>

namespace {

using namespace bitwright;

std::atomic<Control*> interrupted_control{nullptr};

void on_interrupt(int)
{
    if (auto* control = interrupted_control.load()) control->request_cancel();
}

/// Ctrl-C and SIGTERM ask the command to stop; a second one does not wait.
void listen_for_interrupts(Control& control)
{
    interrupted_control = &control;
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

void print(const cli::Json& object, bool json)
{
    if (json)
        std::cout << object.dump(-1, ' ', false, cli::Json::error_handler_t::replace) << "\n";
    else
        cli::print_for_people(std::cout, object);
}

void say(const std::string& sentence)
{
    cli::clear_progress();
    std::cerr << "bitwright-cli: " << sentence << "\n";
}

}  // namespace

int main(int argc, char** argv)
{
    ProgressRelay progress(cli::show_progress);
    Control control([&](const Progress& report) { progress(report); });
    cli::Host terminal{print, say, [](const std::string& text) { std::cout << text; }, progress, control};
    listen_for_interrupts(control);
    const int code = cli::run_command_line({argv + 1, argv + argc}, terminal);
    interrupted_control = nullptr;
    std::cout.flush();
    if (std::cout || code != 0) return code;
    say("the output cannot be written");
    return 1;
}
