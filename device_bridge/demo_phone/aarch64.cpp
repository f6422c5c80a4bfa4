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

/// A static program for aarch64: one loadable segment at 4 MiB that holds these instructions.
std::string small_program(const std::vector<std::uint32_t>& instructions)
{
    std::string out(elf_head.begin(), elf_head.end());
    const auto put = [&](std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    };
    constexpr std::uint64_t base = 0x400000, code_at = 64 + 56;
    const std::uint64_t size = code_at + 4 * instructions.size();
    put(1, 4);                 // version
    put(base + code_at, 8);    // entry
    put(64, 8);                // program headers
    put(0, 8);                 // section headers
    put(0, 4);                 // flags
    for (const std::uint64_t field : {64, 56, 1, 0, 0, 0}) put(field, 2);
    put(1, 4);                 // PT_LOAD
    put(5, 4);                 // readable, executable
    for (const std::uint64_t field : {std::uint64_t{0}, base, base, size, size, std::uint64_t{0x10000}}) put(field, 8);
    for (const std::uint32_t instruction : instructions) put(instruction, 4);
    return out;
}

constexpr std::uint32_t set_code_42 = 0xd2800540, set_exit = 0xd2800ba8, call = 0xd4000001;  // mov x0, #42; mov x8, #93; svc #0
constexpr std::size_t stack_bytes = 2048;

struct Result {
    int code = -1;
    std::string out;
};

Result run_small(const fs::path& folder, const std::vector<std::string>& before, const std::vector<std::uint32_t>& instructions, std::vector<std::string> environment)
{
    Result result;
    const auto path = (folder / ".aarch64").string();
    const std::string program = small_program(instructions);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (fd < 0) return result;
    const bool written = ::write(fd, program.data(), program.size()) == static_cast<ssize_t>(program.size());
    ::close(fd);
    std::vector<std::string> words = before;
    words.push_back(path);
    const auto pointers = [](std::vector<std::string>& texts) {
        std::vector<char*> out;
        for (auto& text : texts) out.push_back(text.data());
        out.push_back(nullptr);
        return out;
    };
    const auto arguments = pointers(words), variables = pointers(environment);
    std::array<int, 2> ends{};
    if (!written || ::pipe2(ends.data(), O_CLOEXEC) != 0) return result;
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], 1);
        ::execve(arguments[0], arguments.data(), variables.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    std::array<char, 4096> buffer;
    for (ssize_t count = 0; (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;) result.out.append(buffer.data(), static_cast<std::size_t>(count));
    ::close(ends[0]);
    int status = -1;
    if (child > 0) ::waitpid(child, &status, 0);
    ::unlink(path.c_str());
    result.code = child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
}

std::uint64_t word_at(const std::string& bytes, std::size_t index)
{
    std::uint64_t word = 0;
    if (8 * index + 8 <= bytes.size()) std::memcpy(&word, bytes.data() + 8 * index, 8);
    return word;
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
    return run_small(folder, before, {set_code_42, set_exit, call}, {}).code == 42;
}

std::string auxiliary_vector(const fs::path& folder, const std::vector<std::string>& before, const std::string& cpu)
{
    constexpr std::uint32_t out_is_1 = 0xd2800020, from_stack = 0x910003e1, bytes_2048 = 0xd2810002, set_write = 0xd2800808;  // mov x0, #1; mov x1, sp; mov x2, #2048; mov x8, #64
    const Result result = run_small(folder, before, {out_is_1, from_stack, bytes_2048, set_write, call, set_code_42, set_exit, call},
                                    {"QEMU_CPU=" + cpu, "FILL=" + std::string(2 * stack_bytes, 'x')});  // so that there is so much above the stack's top
    const std::size_t words = result.out.size() / 8;
    std::size_t at = 1 + static_cast<std::size_t>(word_at(result.out, 0));  // the number of arguments, the arguments
    if (result.code != 42 || at >= words) return {};
    for (++at; at < words && word_at(result.out, at) != 0; ++at) {  // their end, the environment
    }
    const std::size_t begin = ++at;
    while (at + 1 < words && word_at(result.out, at) != 0) at += 2;
    return at + 1 < words ? result.out.substr(8 * begin, 8 * (at + 2 - begin)) : std::string();
}

std::string feature_names(const std::string& auxiliary)
{
    static constexpr std::array<const char*, 32> first{"fp",    "asimd",    "evtstrm", "aes",  "pmull", "sha1",  "sha2", "crc32", "atomics", "fphp",   "asimdhp",
                                                       "cpuid", "asimdrdm", "jscvt",   "fcma", "lrcpc", "dcpop", "sha3", "sm3",   "sm4",     "asimddp", "sha512",
                                                       "sve",   "asimdfhm", "dit",     "uscat", "ilrcpc", "flagm", "ssbs", "sb",  "paca",    "pacg"};
    static constexpr std::array<const char*, 20> second{"dcpodp", "sve2",    "sveaes",   "svepmull", "svebitperm", "svesha3", "svesm4", "flagm2", "frint", "svei8mm",
                                                        "svef32mm", "svef64mm", "svebf16", "i8mm",    "bf16",       "dgh",     "rng",    "bti",    "mte",   "ecv"};
    constexpr std::uint64_t hwcap = 16, hwcap2 = 26;
    std::string names;
    const auto add = [&](std::uint64_t bits, const auto& table) {
        for (std::size_t i = 0; i < table.size(); ++i) {
            if (bits >> i & 1) names.append(names.empty() ? "" : " ").append(table[i]);
        }
    };
    for (std::size_t i = 0; 16 * i < auxiliary.size(); ++i) {
        if (word_at(auxiliary, 2 * i) == hwcap) add(word_at(auxiliary, 2 * i + 1), first);
    }
    for (std::size_t i = 0; 16 * i < auxiliary.size(); ++i) {
        if (word_at(auxiliary, 2 * i) == hwcap2) add(word_at(auxiliary, 2 * i + 1), second);
    }
    return names;
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
