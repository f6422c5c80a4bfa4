// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/error.h"
#include "device_bridge/demo_phone/aarch64.h"
#include "device_bridge/demo_phone/tree.h"

#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::demo {

Tree build_plain_tree(const Scenario& scenario, const fs::path& root, Aarch64Choice aarch64)
{
    if (root.string().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./+") != std::string::npos) {
        throw bad_input(root.string(), "", "holds characters that a shell would read as syntax; give --root a folder of letters, digits, _ - . and +");
    }
    const fs::path program = fs::read_symlink("/proc/self/exe");
    Tree tree;
    tree.root = root;
    if (aarch64 != Aarch64Choice::none) tree.qemu = find_qemu();
    tree.interpose = exec_library(program);
    if (aarch64 == Aarch64Choice::automatic && runs_aarch64(root, {})) tree.aarch64 = Tree::Aarch64::kernel;
    else if (!tree.qemu.empty() && !tree.interpose.empty() && runs_aarch64(root, {tree.qemu.string()})) tree.aarch64 = Tree::Aarch64::prefix;
    if (tree.aarch64 != Tree::Aarch64::none) {
        tree.auxiliary = auxiliary_vector(root, tree.aarch64 == Tree::Aarch64::kernel ? std::vector<std::string>() : std::vector<std::string>{tree.qemu.string()}, scenario.phone.cpu);
    }
    tree.fill(scenario, program);
    return tree;
}

}  // namespace bitwright::demo
