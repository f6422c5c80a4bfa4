// SPDX-License-Identifier: GPL-3.0-or-later
// From the options to a phone that answers, in three processes: the one that was started waits for signals; a keeper cleans up whatever happens to the first;
// the phone itself, in namespaces of its own where possible.
#pragma once

#include "device_bridge/demo_phone/tree.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace bitwright::demo {

struct Options {
    std::filesystem::path scenario, socket, root;
    std::uint16_t port = 0;  ///< 0: any free one
    bool listens_on_port = false;
    enum class TreeChoice { automatic, namespaces, plain } tree = TreeChoice::automatic;
    Aarch64Choice aarch64 = Aarch64Choice::automatic;
};

/// Until it is told to end. Throws Error before it is ready; the exit code afterwards.
int run(const Options& options);

}  // namespace bitwright::demo
