// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/opened_model.h"

#include "core/recipe/recipe.h"
#include "core/workspace/models.h"

namespace bitwright {

OpenedModel::OpenedModel(const std::filesystem::path& folder, const Workspace& workspace) : model_(open_model(folder))
{
    if (const auto known = known_content_hash(workspace, model_.checkpoint->identity())) {
        hash_ = *known;
        return;
    }
    hashing_ = std::async(std::launch::async, [this] { return model_.checkpoint->content_hash(stop_); });
}

OpenedModel::~OpenedModel() { stop_.request_cancel(); }

const std::string& OpenedModel::content_hash(const Control& control)
{
    if (!hash_.empty()) return hash_;
    while (hashing_.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) control.check();
    return hash_ = hashing_.get();
}

std::int64_t OpenedModel::row(Workspace& workspace, const Control& control)
{
    ModelRow row;
    row.content_hash = content_hash(control);
    row.family = architecture().model_type;
    row.architecture = architecture_fingerprint(architecture());
    row.parameters = model_.description->parameter_count();
    row.weight_bytes = static_cast<std::int64_t>(model_.checkpoint->weight_bytes());
    row.path = std::filesystem::absolute(model_.checkpoint->folder()).lexically_normal().string();
    return put_model(workspace, row, model_.checkpoint->identity());
}

}  // namespace bitwright
