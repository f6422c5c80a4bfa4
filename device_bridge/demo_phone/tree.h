// SPDX-License-Identifier: GPL-3.0-or-later
// The phone's file system: a tree of its own in its own user, mount, process and network namespaces, or, where the kernel forbids them, a plain folder whose
// paths are put in front of those in commands. Nothing of it is left when the phone has ended.
// Threading: immutable once built; map() and friends may be called from any thread.
#pragma once

#include "device_bridge/demo_phone/scenario.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright::demo {

struct Tree {
    enum class Mode { namespaces, plain } mode = Mode::plain;
    /// How a program for aarch64 is executed: by the kernel (binfmt_misc), by putting qemu in front in every exec of a shell's, or not at all.
    enum class Aarch64 { kernel, prefix, none } aarch64 = Aarch64::none;
    std::filesystem::path root;       ///< empty in the own tree: it is /
    std::filesystem::path qemu;       ///< qemu-aarch64-static; empty without
    std::filesystem::path interpose;  ///< the library that stands between shells and exec, where that is needed

    std::string auxiliary;            ///< of a program for aarch64 (auxiliary_vector()); empty where none runs

    /// Where a path of the phone lies in this process; ".." does not leave the tree.
    [[nodiscard]] std::filesystem::path map(std::string_view path) const;
    /// False where Android would not let the shell user write; in the own tree the kernel says so.
    [[nodiscard]] bool writable(std::string_view path) const;
    /// A command line for the shell of this tree.
    [[nodiscard]] std::string command(std::string_view line) const;
    [[nodiscard]] std::string shell() const;
    [[nodiscard]] std::vector<std::string> environment(const Scenario& scenario, std::string_view terminal) const;

    /// Folders, properties, files and applets, inside the tree. Throws Error (failed).
    void fill(const Scenario& scenario, const std::filesystem::path& program) const;
    /// What a start of the phone resets: properties and /dev.
    void booted(const Scenario& scenario) const;
};

/// What to try: everything, only qemu in front, or nothing (as on a computer without qemu).
enum class Aarch64Choice { automatic, prefix, none };

/// In a process that was made for it: new namespaces in which this process's next child is the first one. Throws Error (failed) where the kernel forbids them.
void enter_namespaces();
/// In that child: builds the tree and makes it the root. `kept`: a folder for /data that outlives the phone, or empty.
[[nodiscard]] Tree build_own_tree(const Scenario& scenario, const std::filesystem::path& kept, Aarch64Choice aarch64);
/// The fallback below `root`.
[[nodiscard]] Tree build_plain_tree(const Scenario& scenario, const std::filesystem::path& root, Aarch64Choice aarch64);
/// This process and all it starts lose the privileges that see through permissions.
void drop_privileges();

/// Writes a file by rename, so that no reader sees half of it; errors are ignored (the tree is going away).
void replace_file(const std::filesystem::path& path, std::string_view text, std::uint32_t mode);

}  // namespace bitwright::demo
