// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/tree.h"

#include "core/runtime/error.h"
#include "device_bridge/demo_phone/aarch64.h"
#include "device_bridge/demo_phone/applets.h"
#include "device_bridge/demo_phone/text_map.h"

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::demo {
namespace {

void make_folder(const fs::path& path, std::uint32_t mode = 0755)
{
    std::error_code error;
    fs::create_directories(path, error);
    if (error) throw failure(path.string() + ": cannot be made: " + error.message() + "; give another folder with --root");
    ::chmod(path.c_str(), mode);
}

std::string memory_text(std::int64_t mib)
{
    const auto line = [](const char* name, std::int64_t kib) {
        std::string number = std::to_string(kib);
        return std::string(name) + std::string(std::max<std::size_t>(1, 24 - std::strlen(name) - number.size()), ' ') + number + " kB\n";
    };
    const std::int64_t total = mib * 1024;
    return line("MemTotal:", total) + line("MemFree:", total / 8) + line("MemAvailable:", total / 2) + line("Buffers:", total / 100) + line("Cached:", total / 4) +
           line("SwapTotal:", total / 2) + line("SwapFree:", total / 2);
}

std::string processor_text(const PhoneFacts& phone, const std::string& features)
{
    std::string text;
    std::int64_t core = 0;
    for (const auto& cluster : phone.clusters) {
        for (std::int64_t i = 0; i < cluster.cores; ++i, ++core) {
            text += "processor\t: " + std::to_string(core) + "\nBogoMIPS\t: 38.40\nFeatures\t: " + features +
                    "\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd4d\nCPU revision\t: 0\n\n";
        }
    }
    return text;
}

}  // namespace

void replace_file(const fs::path& path, std::string_view text, std::uint32_t mode)
{
    static std::atomic<unsigned> count{0};
    const auto temporary = path.parent_path() / (".new" + std::to_string(count++));
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return;
    bool whole = true;
    for (std::string_view rest = text; !rest.empty() && whole;) {
        const ssize_t written = ::write(fd, rest.data(), rest.size());
        whole = written > 0;
        if (whole) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    ::fchmod(fd, mode);
    ::close(fd);
    if (!whole || ::rename(temporary.c_str(), path.c_str()) != 0) ::unlink(temporary.c_str());
}

fs::path Tree::map(std::string_view path) const
{
    const fs::path normal = (fs::path("/") / path).lexically_normal();
    return root.empty() ? normal : fs::path(root.string() + normal.string());
}

bool Tree::writable(std::string_view path) const
{
    const std::string normal = (fs::path("/") / path).lexically_normal().string();
    return root.empty() || normal.starts_with("/data/") || normal.starts_with("/sdcard/") || normal.starts_with("/storage/");
}

std::string Tree::command(std::string_view line) const { return root.empty() ? std::string(line) : with_root(line, root.string()); }

std::string Tree::shell() const { return root.empty() ? "/system/bin/sh" : "/bin/sh"; }

std::vector<std::string> Tree::environment(const Scenario& scenario, std::string_view terminal) const
{
    const std::string at = root.string();
    std::vector<std::string> out{"PATH=" + at + "/system/bin:" + at + "/vendor/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                                 "HOME=" + (at.empty() ? "/" : at),
                                 "TMPDIR=" + at + "/data/local/tmp",
                                 "SHELL=/system/bin/sh",
                                 "USER=shell",
                                 "LOGNAME=shell",
                                 "HOSTNAME=" + scenario.phone.device,
                                 "ANDROID_ROOT=/system",
                                 "ANDROID_DATA=/data",
                                 "BITWRIGHT_PHONE_ROOT=" + at,
                                 "LC_ALL=C.UTF-8"};
    if (!terminal.empty()) out.push_back("TERM=" + std::string(terminal));
    if (!qemu.empty()) {
        out.push_back("QEMU_CPU=" + scenario.phone.cpu);
        if (aarch64 == Aarch64::prefix) out.push_back("BITWRIGHT_PHONE_QEMU=" + qemu.string());
        if (!at.empty()) out.push_back("QEMU_LD_PREFIX=" + at);
    }
    if (!interpose.empty()) out.push_back("LD_PRELOAD=" + interpose.string());
    return out;
}

void Tree::fill(const Scenario& scenario, const fs::path& program) const
{
    for (const char* folder : {"/data/local", "/data/misc/perfetto-traces", "/dev", "/sys", "/proc", "/system/bin", "/vendor/lib64", "/vendor/bin", "/sys/class/power_supply/battery", "/sys/class/power_supply/usb",
                               "/sys/devices/soc0", "/storage/emulated", "/proc/sys/kernel/random", "/dev/.phone/dumpsys", "/sys/devices/system/cpu"})
        make_folder(map(folder));
    make_folder(map("/data/local/tmp"), 0771);
    make_folder(map("/sdcard"), 0770);
    std::error_code ignored;
    fs::create_symlink("../../sdcard", map("/storage/emulated/0"), ignored);
    for (const auto& name : applet_names()) {
        fs::remove(map("/system/bin/" + name), ignored);  // of an earlier run in the same folder
        fs::create_symlink(program, map("/system/bin/" + name), ignored);
    }
    const PhoneFacts& phone = scenario.phone;
    const std::string processor = processor_text(phone, !phone.features.empty() ? phone.features : !auxiliary.empty() ? feature_names(auxiliary) : "fp asimd");
    replace_file(map("/dev/.phone/auxv"), auxiliary, 0444);
    replace_file(map("/dev/.phone/memory"), memory_text(phone.memory_mib), 0444);
    replace_file(map("/dev/.phone/processor"), processor, 0444);
    if (!root.empty()) {
        replace_file(map("/proc/meminfo"), memory_text(phone.memory_mib), 0444);
        replace_file(map("/proc/cpuinfo"), processor, 0444);
    }
    replace_file(map("/dev/.phone/kernel"), phone.kernel, 0444);
    replace_file(map("/dev/.phone/perfetto"), scenario.battery.perfetto, 0444);
    replace_file(map("/dev/.phone/selinux"), phone.selinux, 0444);
    replace_file(map("/dev/.phone/clock_offset"), std::to_string(scenario.faults.clock_offset_s), 0444);
    if (phone.soc_id) replace_file(map("/sys/devices/soc0/soc_id"), std::to_string(*phone.soc_id) + "\n", 0444);
    std::int64_t core = 0, fastest = 1;
    for (const auto& cluster : phone.clusters) fastest = std::max(fastest, cluster.max_khz);
    for (const auto& cluster : phone.clusters) {
        for (std::int64_t i = 0; i < cluster.cores; ++i, ++core) {
            const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(core) + "/cpufreq";
            make_folder(map(folder));
            replace_file(map(folder + "/scaling_governor"), "walt\n", 0444);
            replace_file(map("/sys/devices/system/cpu/cpu" + std::to_string(core) + "/cpu_capacity"), std::to_string(1024 * cluster.max_khz / fastest) + "\n", 0444);
            replace_file(map(folder + "/cpuinfo_max_freq"), std::to_string(cluster.max_khz) + "\n", 0444);
            replace_file(map(folder + "/cpuinfo_min_freq"), std::to_string(cluster.min_khz) + "\n", 0444);
        }
    }
    const std::string range = "0-" + std::to_string(core - 1) + "\n";
    for (const char* name : {"present", "possible", "online"}) replace_file(map(std::string("/sys/devices/system/cpu/") + name), range, 0444);
    for (std::size_t i = 0; i < scenario.thermal.zones.size(); ++i) make_folder(map("/sys/class/thermal/thermal_zone" + std::to_string(i)));
    for (const ScriptedFile& file : scenario.files) {
        make_folder(map(file.path).parent_path());
        replace_file(map(file.path), file.text, file.denied ? 0 : file.mode);
    }
    for (const auto& path : scenario.faults.denied) make_folder(map(path), 0555);  // as one that another user made
    booted(scenario);
}

void Tree::booted(const Scenario& scenario) const
{
    std::string boot_id = "00000000-0000-4000-8000-000000000000";
    std::random_device random;
    for (std::size_t i = 0; i < 8; ++i) boot_id[i] = "0123456789abcdef"[random() % 16];
    if (const int fd = ::open(map("/dev/.phone/boot_id").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644); fd >= 0) {  // in place: it is mounted over the kernel's
        const std::string line = boot_id + "\n";
        (void)!::pwrite(fd, line.data(), line.size(), 0);
        ::close(fd);
    }
    if (!root.empty()) replace_file(map("/proc/sys/kernel/random/boot_id"), boot_id + "\n", 0444);
    std::error_code ignored;
    for (const char* folder : {"/dev/__properties__", "/dev/.phone/settings"}) {
        if (folder == std::string_view("/dev/__properties__")) fs::remove_all(map(folder), ignored);
        make_folder(map(folder));
    }
    auto properties = scenario.all_properties();
    properties["ro.bitwright.demo.tree"] = mode == Mode::namespaces ? "namespace" : "plain";
    properties["ro.bitwright.demo.aarch64"] = aarch64 == Aarch64::kernel ? "kernel" : aarch64 == Aarch64::prefix ? "prefix" : "none";
    if (aarch64 == Aarch64::none) {  // it is honest about what it can run
        properties["ro.product.cpu.abi"] = properties["ro.product.cpu.abilist"] = "x86_64";
    }
    for (const auto& [name, value] : properties) replace_file(map("/dev/__properties__/" + name), value, 0644);
}

void drop_privileges()
{
    ::prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED);  // refused to those without privileges
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2] = {};
    ::syscall(SYS_capset, &header, none);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

}  // namespace bitwright::demo
