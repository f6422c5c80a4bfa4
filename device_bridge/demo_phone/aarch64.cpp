// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/aarch64.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::demo {
namespace {

constexpr std::array<unsigned char, 20> elf_head{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0xb7, 0};

/// A static program for aarch64 that ends with code 42: one loadable segment at 4 MiB, three instructions.
std::string small_program()
{
    std::string out(elf_head.begin(), elf_head.end());
    const auto put = [&](std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    };
    constexpr std::uint64_t base = 0x400000, code_at = 64 + 56, size = code_at + 12;
    put(1, 4);                 // version
    put(base + code_at, 8);    // entry
    put(64, 8);                // program headers
    put(0, 8);                 // section headers
    put(0, 4);                 // flags
    for (const std::uint64_t field : {64, 56, 1, 0, 0, 0}) put(field, 2);
    put(1, 4);                 // PT_LOAD
    put(5, 4);                 // readable, executable
    for (const std::uint64_t field : {std::uint64_t{0}, base, base, size, size, std::uint64_t{0x10000}}) put(field, 8);
    put(0xd2800540, 4);        // mov x0, #42
    put(0xd2800ba8, 4);        // mov x8, #93 (exit)
    put(0xd4000001, 4);        // svc #0
    return out;
}

}  // namespace

fs::path find_qemu()
{
    for (const char* folder : {"/usr/bin/", "/usr/local/bin/", "/bin/"}) {
        for (const char* name : {"qemu-aarch64-static", "qemu-aarch64"}) {
            const std::string path = std::string(folder) + name;
            if (::access(path.c_str(), X_OK) == 0) return path;
        }
    }
    return {};
}

fs::path exec_library(const fs::path& program)
{
    for (const char* place : {"../lib/libbitwright-demo-exec.so", "libbitwright-demo-exec.so", "../lib/bitwright/libbitwright-demo-exec.so"}) {
        fs::path library = (program.parent_path() / place).lexically_normal();
        if (::access(library.c_str(), R_OK) == 0) return library;
    }
    return {};
}

bool runs_aarch64(const fs::path& folder, const std::vector<std::string>& before)
{
    const auto path = (folder / ".aarch64").string();
    const std::string program = small_program();
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (fd < 0) return false;
    const bool written = ::write(fd, program.data(), program.size()) == static_cast<ssize_t>(program.size());
    ::close(fd);
    std::vector<std::string> words = before;
    words.push_back(path);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int status = -1;
    const pid_t child = written ? ::fork() : -1;
    if (child == 0) {
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    if (child > 0) ::waitpid(child, &status, 0);
    ::unlink(path.c_str());
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

bool is_aarch64(const char* path)
{
    std::array<unsigned char, elf_head.size()> head{};
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool read = ::read(fd, head.data(), head.size()) == static_cast<ssize_t>(head.size());
    ::close(fd);
    return read && std::memcmp(head.data(), elf_head.data(), 6) == 0 && head[18] == elf_head[18] && head[19] == elf_head[19];
}

}  // namespace bitwright::demo
