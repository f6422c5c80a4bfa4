// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/demo_phone/aarch64.h"
#include "device_bridge/demo_phone/applets.h"
#include "device_bridge/demo_phone/tree.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::demo {
namespace {

constexpr int root_user = 0, shell_user = 2000;

[[noreturn]] void refuse(const std::string& what) { throw failure(what + ": " + std::strerror(errno)); }

void write_proc(const char* path, const std::string& text)
{
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int code = errno;
    if (fd >= 0) ::close(fd);
    errno = code;
    if (!written) refuse(path);
}

void mount_new(const char* type, const fs::path& at, unsigned long flags, const std::string& options)
{
    std::error_code ignored;
    fs::create_directories(at, ignored);
    if (::mount("none", at.c_str(), type, flags, options.empty() ? nullptr : options.c_str()) != 0) refuse(std::string("mounting ") + type + " at " + at.string());
}

void bind(const fs::path& from, const fs::path& at, bool recursive)
{
    if (::mount(from.c_str(), at.c_str(), nullptr, MS_BIND | (recursive ? MS_REC : 0), nullptr) != 0) refuse("binding " + from.string());
}

void bind_file(const fs::path& from, const fs::path& at)
{
    ::close(::open(at.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    bind(from, at, false);
}

/// The whole subtree, whatever flags its mounts have.
void make_read_only(const fs::path& at)
{
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    if (::syscall(SYS_mount_setattr, AT_FDCWD, at.c_str(), AT_RECURSIVE, &attributes, sizeof attributes) != 0) refuse("making " + at.string() + " read-only");
}

std::string mib(std::int64_t size, const char* mode) { return "size=" + std::to_string(size) + "m,mode=" + mode; }

/// Ours, if the kernel gives every user namespace its own list of formats (6.7 and later).
bool register_aarch64(const fs::path& proc, const fs::path& qemu)
{
    const fs::path at = proc / "sys/fs/binfmt_misc";
    if (::mount("none", at.c_str(), "binfmt_misc", 0, nullptr) != 0) return false;
    const std::string line = R"(:bitwright-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:)"
                             R"(\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:)" +
                             qemu.string() + ":F";
    const int fd = ::open((at / "register").c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool written = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    ::close(fd);
    return written;
}

/// /bin, /lib and their like as on this computer: links into /usr, or bound.
void take_over_system(const fs::path& base)
{
    fs::create_directories(base / "usr");
    bind("/usr", base / "usr", true);
    make_read_only(base / "usr");
    for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}) {
        const fs::path here = fs::path("/") / name;
        if (fs::is_symlink(here)) {
            fs::create_symlink(fs::read_symlink(here), base / name);
        } else if (fs::is_directory(here)) {
            fs::create_directory(base / name);
            bind(here, base / name, true);
            make_read_only(base / name);
        }
    }
    fs::create_directories(base / "etc");
    replace_file(base / "etc/passwd", "root:x:0:0::/:/system/bin/sh\nshell:x:2000:2000::/:/system/bin/sh\n", 0444);
    replace_file(base / "etc/group", "root:x:0:\nshell:x:2000:\n", 0444);
    if (fs::is_directory("/etc/alternatives")) {
        fs::create_directory(base / "etc/alternatives");
        bind("/etc/alternatives", base / "etc/alternatives", true);
        make_read_only(base / "etc/alternatives");
    }
}

void make_devices(const fs::path& base)
{
    mount_new("tmpfs", base / "dev", MS_NOSUID, mib(64, "755"));
    for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
        if (fs::exists(fs::path("/dev") / name)) bind_file(fs::path("/dev") / name, base / "dev" / name);
    }
    mount_new("devpts", base / "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620");
    fs::create_symlink("pts/ptmx", base / "dev/ptmx");
    fs::create_symlink("/proc/self/fd", base / "dev/fd");
    for (const auto& [name, number] : {std::pair{"stdin", "0"}, {"stdout", "1"}, {"stderr", "2"}}) fs::create_symlink(std::string("/proc/self/fd/") + number, base / "dev" / name);
}

/// A new user namespace (and what `more` says) in which this process is `user`, with all privileges over what is made there.
void enter_as(int user, int more)
{
    const auto outer_user = ::geteuid();
    const auto outer_group = ::getegid();
    if (::unshare(CLONE_NEWUSER | more) != 0) throw failure(std::string("this kernel does not let this user make namespaces (") + std::strerror(errno) + "); start it with --tree plain");
    write_proc("/proc/self/setgroups", "deny");
    write_proc("/proc/self/uid_map", std::to_string(user) + " " + std::to_string(outer_user) + " 1");
    write_proc("/proc/self/gid_map", std::to_string(user) + " " + std::to_string(outer_group) + " 1");
}

void loopback_up()
{
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    ::ioctl(fd, SIOCSIFFLAGS, &request);
    ::close(fd);
}

}  // namespace

void enter_namespaces()
{
    enter_as(root_user, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) refuse("private mounts");
}

Tree build_own_tree(const Scenario& scenario, const fs::path& kept, Aarch64Choice aarch64)
{
    const int kept_fd = kept.empty() ? -1 : ::open(kept.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!kept.empty() && kept_fd < 0) refuse(kept.string());
    const fs::path program = fs::read_symlink("/proc/self/exe"), library = exec_library(program);
    const int program_fd = ::open(program.c_str(), O_PATH | O_CLOEXEC);  // by its path: the running file belongs to the mounts outside
    if (program_fd < 0) refuse("this program");
    const int library_fd = library.empty() ? -1 : ::open(library.c_str(), O_PATH | O_CLOEXEC);
    const auto qemu = aarch64 == Aarch64Choice::none ? fs::path() : find_qemu();
    const fs::path base = "/tmp";  // hidden from here on; /proc/self reaches what was opened before
    mount_new("tmpfs", base, MS_NOSUID | MS_NODEV, mib(64, "755"));
    take_over_system(base);
    make_devices(base);
    fs::create_directory(base / "proc");
    if (::mount("proc", (base / "proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) bind("/proc", base / "proc", true);
    fs::create_directories(base / "data");
    if (kept_fd >= 0) bind("/proc/self/fd/" + std::to_string(kept_fd), base / "data", false);
    else mount_new("tmpfs", base / "data", MS_NOSUID | MS_NODEV, mib(scenario.data_mib, "771"));
    mount_new("tmpfs", base / "sdcard", MS_NOSUID | MS_NODEV | MS_NOEXEC, mib(scenario.sdcard_mib, "770"));
    mount_new("tmpfs", base / "sys", MS_NOSUID | MS_NODEV, mib(16, "755"));
    fs::create_directories(base / "tmp");

    Tree tree;
    tree.mode = Tree::Mode::namespaces;
    tree.qemu = qemu;
    const bool kernel = aarch64 == Aarch64Choice::automatic && (runs_aarch64(base / "data", {}) || (!qemu.empty() && register_aarch64(base / "proc", qemu) && runs_aarch64(base / "data", {})));
    if (kernel) tree.aarch64 = Tree::Aarch64::kernel;
    else if (!qemu.empty() && library_fd >= 0 && runs_aarch64(base / "data", {qemu.string()})) tree.aarch64 = Tree::Aarch64::prefix;
    if (tree.aarch64 != Tree::Aarch64::none) {
        tree.auxiliary = auxiliary_vector(base / "data", kernel ? std::vector<std::string>() : std::vector<std::string>{qemu.string()}, scenario.phone.cpu);
    }

    tree.root = base;
    fs::create_directories(base / "system/bin");
    bind_file("/proc/self/fd/" + std::to_string(program_fd), base / "system/bin/.phone");
    if (tree.aarch64 == Tree::Aarch64::prefix) {
        fs::create_directories(base / "system/lib64");
        bind_file("/proc/self/fd/" + std::to_string(library_fd), base / "system/lib64/libbitwright-demo-exec.so");
        tree.interpose = "/system/lib64/libbitwright-demo-exec.so";
    }
    tree.fill(scenario, ".phone");
    tree.root.clear();
    for (const auto& [from, at] : {std::pair{"memory", "meminfo"}, {"processor", "cpuinfo"}, {"boot_id", "sys/kernel/random/boot_id"}}) bind(base / "dev/.phone" / from, base / "proc" / at, false);
    loopback_up();
    if (::chdir(base.c_str()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 || ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) refuse("changing the root");
    ::sethostname(scenario.phone.device.c_str(), std::min<std::size_t>(scenario.phone.device.size(), 60));
    enter_as(shell_user, CLONE_NEWNS);  // Android's shell is no root; what is mounted can no longer be undone
    make_read_only("/proc");
    mount_attr read_only{};
    read_only.attr_set = MOUNT_ATTR_RDONLY;
    if (::syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &read_only, sizeof read_only) != 0) refuse("a read-only root");
    return tree;
}

}  // namespace bitwright::demo
