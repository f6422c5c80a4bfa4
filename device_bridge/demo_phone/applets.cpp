// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/applets.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "device_bridge/demo_phone/text_map.h"
#include "device_bridge/demo_phone/tree.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::demo {

fs::path of_phone(const std::string& path)
{
    const char* root = std::getenv("BITWRIGHT_PHONE_ROOT");
    return (root ? std::string(root) : std::string()) + path;
}

std::string text_of(const std::string& path, const std::string& otherwise)
{
    try {
        return read_text(of_phone(path), 1 << 20);
    } catch (const Error&) {
        return otherwise;
    }
}

namespace {

using Words = std::vector<std::string>;

bool is_property(const std::string& name) { return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos; }

int getprop(const Words& words)
{
    if (words.size() > 1) {
        const std::string otherwise = words.size() > 2 ? words[2] : "";
        std::cout << (is_property(words[1]) ? text_of("/dev/__properties__/" + words[1], otherwise) : otherwise) << "\n";
        return 0;
    }
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(of_phone("/dev/__properties__"))) {
        const auto name = entry.path().filename().string();
        if (is_property(name)) all[name] = text_of("/dev/__properties__/" + name);
    }
    for (const auto& [name, value] : all) std::cout << "[" << name << "]: [" << value << "]\n";
    return 0;
}

int setprop(const Words& words)
{
    if (words.size() != 3) {
        std::cerr << "usage: setprop NAME VALUE\n";
        return 1;
    }
    const std::string& name = words[1];
    const bool allowed = is_property(name) && (name.starts_with("debug.") || name.starts_with("power.") || name.starts_with("log.") || name.starts_with("persist.log."));
    if (!allowed) {
        std::cerr << "Failed to set property '" << name << "' to '" << words[2] << "'.\nSee dmesg for error reason.\n";
        return 1;
    }
    replace_file(of_phone("/dev/__properties__/" + name), words[2], 0644);
    return 0;
}

int dumpsys(const Words& words)
{
    if (words.size() < 2) {
        std::cout << "Currently running services:\n";
        for (const auto& entry : fs::directory_iterator(of_phone("/dev/.phone/dumpsys"))) std::cout << "  " << entry.path().filename().string() << "\n";
        return 0;
    }
    std::string service = words[1];
    if (service == "battery" && words.size() > 2) {
        if (words[2] == "get") {
            const std::string name = words.back();
            std::cout << (is_property(name) ? text_of("/dev/.phone/dumpsys/battery get " + name, "Unknown get option: " + name + "\n") : "") << std::flush;
        }
        else if (words[2] == "suspend_input") std::cerr << "java.lang.SecurityException: battery suspend_input is only supported on debuggable builds\n";
        return 0;
    }
    std::ranges::replace(service, '/', '!');
    const std::string text = service.starts_with(".") ? "" : text_of("/dev/.phone/dumpsys/" + service);
    if (text.empty()) {
        std::cerr << "Can't find service: " << words[1] << "\n";
        return 0;
    }
    std::cout << text;
    return 0;
}

int settings(const Words& words)
{
    const bool named = words.size() > 3 && is_property(words[2]) && is_property(words[3]);
    const std::string path = named ? "/dev/.phone/settings/" + words[2] + "." + words[3] : "";
    if (named && words[1] == "get") std::cout << text_of(path, "null") << "\n";
    else if (named && words[1] == "put" && words.size() > 4) replace_file(of_phone(path), words[4], 0644);
    else if (named && words[1] == "delete") std::cout << "Deleted " << (fs::remove(of_phone(path)) ? 1 : 0) << " rows\n";
    else {
        std::cerr << "Invalid settings command\n";
        return 255;
    }
    return 0;
}

int svc(const Words& words)
{
    if (words.size() < 3) return 1;
    replace_file(of_phone("/dev/.phone/settings/svc." + words[1]), words[2], 0644);
    return 0;
}

int uname(const Words& words)
{
    std::string line;
    const std::string options = words.size() > 1 ? words[1] : "-s";
    const bool all = options == "-a";
    const auto add = [&](char option, const std::string& text) {
        if (all || options.find(option) != std::string::npos) line.append(line.empty() ? "" : " ").append(text);
    };
    add('s', "Linux");
    add('n', "localhost");
    add('r', text_of("/dev/.phone/kernel"));
    add('v', "#1 SMP PREEMPT");
    add('m', text_of("/dev/__properties__/ro.product.cpu.abi") == "x86_64" ? "x86_64" : "aarch64");
    if (all) line += " Toybox";
    std::cout << line << "\n";
    return 0;
}

int id(const Words& words)
{
    if (words.size() > 1) std::cout << (words[1] == "-un" || words[1] == "-gn" ? "shell\n" : "2000\n");
    else std::cout << "uid=2000(shell) gid=2000(shell) groups=2000(shell),1004(input),1007(log),1011(adb),1015(sdcard_rw),3003(inet) context=u:r:shell:s0\n";
    return 0;
}

int run_other(const std::string& program, Words words)
{
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::cout.flush();
    ::execvp(program.c_str(), arguments.data());
    std::cerr << program << ": not found\n";
    return 127;
}

/// `toybox COMMAND …`
int toybox(const Words& words)
{
    if (words.size() < 2) return 0;
    return run_other(words[1], Words(words.begin() + 1, words.end()));
}

/// The phone's clock may be wrong.
int date(Words words)
{
    const double offset = std::strtod(text_of("/dev/.phone/clock_offset", "0").c_str(), nullptr);
    if (offset != 0) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        char moment[64];
        std::snprintf(moment, sizeof moment, "@%.9f", static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9 + offset);
        words.insert(words.begin() + 1, {"-d", moment});
    }
    return run_other("/usr/bin/date", words);
}

/// A program of this computer would show this computer's CPU.
int od(Words words)
{
    for (std::string& word : words) {
        if (word == "/proc/self/auxv") word = of_phone("/dev/.phone/auxv");
    }
    return run_other("/usr/bin/od", words);
}

/// In a plain folder a script's text gets the phone's paths as a command line does.
int sh(Words words)
{
    const std::string root = of_phone("").string(), shell = ::access("/usr/bin/dash", X_OK) == 0 ? "/usr/bin/dash" : "/usr/bin/bash";
    std::size_t script = 1;
    while (script < words.size() && words[script].starts_with("-") && words[script].find_first_of("cs") == std::string::npos) ++script;
    const bool runs_file = script < words.size() && !words[script].starts_with("-") && fs::is_regular_file(words[script]);
    if (!root.empty() && runs_file) {
        words.insert(words.begin() + static_cast<std::ptrdiff_t>(script), {"-c", with_root(read_text(words[script], 64 << 20), root)});
    }
    return run_other(shell, words);
}

const std::map<std::string, std::function<int(const Words&)>>& applets()
{
    static const std::map<std::string, std::function<int(const Words&)>> all{
        {"getprop", getprop},
        {"setprop", setprop},
        {"dumpsys", dumpsys},
        {"settings", settings},
        {"svc", svc},
        {"getenforce",
         [](const Words&) {
             std::cout << text_of("/dev/.phone/selinux") << "\n";
             return 0;
         }},
        {"uname", uname},
        {"id", id},
        {"perfetto", perfetto},
        {"toybox", toybox},
        {"date", date},
        {"od", od},
        {"sh", sh},
    };
    return all;
}

}  // namespace

const std::vector<std::string>& applet_names()
{
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const auto& [name, run] : applets()) out.push_back(name);
        return out;
    }();
    return names;
}

std::optional<int> run_applet(int argc, char** argv)
{
    if (argc < 1) return std::nullopt;
    const auto found = applets().find(fs::path(argv[0]).filename().string());
    if (found == applets().end()) return std::nullopt;
    try {
        return found->second(Words(argv, argv + argc));
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}

}  // namespace bitwright::demo
