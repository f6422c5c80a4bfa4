// SPDX-License-Identifier: GPL-3.0-or-later
// A model as jobs use it: opened by its headers at once, its content hash computed on a thread of its own meanwhile (or known to the workspace already).
// Threading: belongs to one thread.
#pragma once

#include "core/architecture/model.h"
#include "core/workspace/workspace.h"

#include <future>
#include <memory>
#include <string>

namespace bitwright {

class OpenedModel {
public:
    OpenedModel(const std::filesystem::path& folder, const Workspace& workspace);
    ~OpenedModel();
    OpenedModel(const OpenedModel&) = delete;
    OpenedModel& operator=(const OpenedModel&) = delete;

    [[nodiscard]] const Model& model() const noexcept { return model_; }
    [[nodiscard]] const Architecture& architecture() const noexcept { return model_.architecture(); }
    /// Waits for the hash if need be; cancellable.
    [[nodiscard]] const std::string& content_hash(const Control& control);
    /// Its row, made when absent.
    [[nodiscard]] std::int64_t row(Workspace& workspace, const Control& control);

private:
    Model model_;
    std::string hash_;
    Control stop_;
    std::future<std::string> hashing_;
};

}  // namespace bitwright
