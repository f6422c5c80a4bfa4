// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/stored_log.h"

#include "core/runtime/file.h"
#include "core/workspace/tensors.h"

namespace bitwright {

RunnerLog stored_log(const Workspace& workspace, const RunRow& run)
{
    const StoredFile log(workspace, run.log);
    return read_runner_log(read_text(log.path()), "log of run:" + std::to_string(run.id));
}

}  // namespace bitwright
