// SPDX-License-Identifier: GPL-3.0-or-later
// Work beside the UI thread, as views see it: a lane runs one thing at a time on a thread of its own. Only app knows the threads behind it.
// Invariants: results cross threads as values captured by the continuation; a continuation never runs after its receiver is gone.
// Threading: post() from the UI thread; `work` on the lane's thread; continuation and `failed` on the UI thread.
#pragma once

#include "core/runtime/control.h"

#include <QObject>
#include <QString>

#include <functional>

namespace bitwright {
class Numerics;
}

namespace bitwright::views {

class Lane {
public:
    using Continuation = std::function<void()>;
    using Work = std::function<Continuation(const Control&)>;
    using Failed = std::function<void(const QString& sentence)>;

    virtual ~Lane() = default;
    /// Queues `work`; what it returns runs on the UI thread. With a tag, the newest request wins: an older one of the same tag that waits is dropped, one that
    /// runs is cancelled, and neither continues. Without a tag requests run in order and all of them. An Error goes to `failed`; Cancelled to nobody.
    virtual void post(QObject* receiver, const QString& tag, Work work, Failed failed = {}) = 0;
};

/// interactive: previews and reading, milliseconds. store: everything that writes the workspace from the desk, in order. compute: LibTorch, one at a time,
/// behind the jobs that run there.
struct Lanes {
    Lane& interactive;
    Lane& store;
    Lane& compute;
};

}  // namespace bitwright::views
