// SPDX-License-Identifier: GPL-3.0-or-later
// The numbered SQL files of resources/migrations, compiled in. Migration i takes a workspace from user_version i to i + 1.
// Invariant: a migration that was ever released is never changed; a new one is added.
#pragma once

#include <span>

namespace bitwright {

struct Migration {
    const char* name;
    const char* sql;
};
[[nodiscard]] std::span<const Migration> migrations() noexcept;

}  // namespace bitwright
