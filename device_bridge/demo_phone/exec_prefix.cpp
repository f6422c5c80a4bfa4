// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded into the shells of a demo phone: where the kernel does not know aarch64, a program for it is executed with qemu in front of it; in a plain folder a
// script goes to the phone's shell, whatever its first line says (this computer has no /system/bin/sh).
#include "device_bridge/demo_phone/aarch64.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using Execve = int (*)(const char*, char* const*, char* const*);

/// Of a demo phone in a plain folder.
bool is_script_of_phone(const char* path, const char* root)
{
    if (!root || !*root || ::access(path, X_OK) != 0) return false;
    std::array<char, PATH_MAX> real{};
    if (!::realpath(path, real.data()) || !std::string_view(real.data()).starts_with(root)) return false;
    std::array<char, 2> head{};
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    const bool script = fd >= 0 && ::read(fd, head.data(), head.size()) == 2 && head[0] == '#' && head[1] == '!';
    if (fd >= 0) ::close(fd);
    return script;
}

int execute(const char* path, char* const* arguments, char* const* environment)
{
    static const auto real = reinterpret_cast<Execve>(::dlsym(RTLD_NEXT, "execve"));
    const char *before = std::getenv("BITWRIGHT_PHONE_QEMU"), *root = std::getenv("BITWRIGHT_PHONE_ROOT");
    std::string shell;
    if (is_script_of_phone(path, root)) {
        shell = std::string(root) + "/system/bin/sh";
        before = shell.c_str();
    } else if (!before || !bitwright::demo::is_aarch64(path) || ::access(path, X_OK) != 0) {
        return real(path, arguments, environment);
    }
    std::vector<char*> words{const_cast<char*>(before), const_cast<char*>(path)};
    for (char* const* word = arguments[0] ? arguments + 1 : arguments; *word; ++word) words.push_back(*word);
    words.push_back(nullptr);
    return real(before, words.data(), environment);
}

int execute_on_path(const char* name, char* const* arguments, char* const* environment)
{
    if (std::strchr(name, '/')) return execute(name, arguments, environment);
    const char* path = std::getenv("PATH");
    int reason = ENOENT;
    for (std::string_view rest = path ? path : "/usr/bin:/bin"; !rest.empty();) {
        const auto folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
        execute((std::string(folder) + "/" + name).c_str(), arguments, environment);
        if (errno == EACCES) reason = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR) return -1;
    }
    errno = reason;
    return -1;
}

}  // namespace

extern "C" {

int execve(const char* path, char* const* arguments, char* const* environment) noexcept { return execute(path, arguments, environment); }
int execv(const char* path, char* const* arguments) noexcept { return execute(path, arguments, environ); }
int execvp(const char* name, char* const* arguments) noexcept { return execute_on_path(name, arguments, environ); }
int execvpe(const char* name, char* const* arguments, char* const* environment) noexcept { return execute_on_path(name, arguments, environment); }
}
