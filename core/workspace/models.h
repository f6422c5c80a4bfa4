// SPDX-License-Identifier: GPL-3.0-or-later
// Models and texts a workspace knows: what they are by content, where they were last seen. A moved model keeps its row.
// Threading: as Workspace.
#pragma once

#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct ModelRow {
    std::int64_t id = 0;
    std::string content_hash, family, architecture;
    std::optional<std::int64_t> parameters, weight_bytes;
    std::string path;  ///< where it was last seen
};

/// Content hash of the folder with this identity, if it was ever hashed: saves reading the weights again.
[[nodiscard]] std::optional<std::string> known_content_hash(const Workspace& workspace, const std::string& identity);
/// The row of this content, made when absent; its place is noted. @return id
std::int64_t put_model(Workspace& workspace, const ModelRow& model, const std::string& identity);
/// Throws Error (bad_input) when absent.
[[nodiscard]] ModelRow get_model(const Workspace& workspace, std::int64_t id);
/// Last seen first.
[[nodiscard]] std::vector<ModelRow> list_models(const Workspace& workspace);
[[nodiscard]] std::optional<ModelRow> find_model(const Workspace& workspace, const std::string& content_hash);

/// Where a text was last read. Throws Error (bad_input) when absent.
[[nodiscard]] std::string text_path(const Workspace& workspace, std::int64_t id);
/// @return id of the text with this content.
std::int64_t put_text(Workspace& workspace, const std::filesystem::path& file);
/// Row of the text with this file's content, if the workspace knows it.
[[nodiscard]] std::optional<std::int64_t> find_text(const Workspace& workspace, const std::filesystem::path& file);
struct TextRow {
    std::int64_t id = 0, bytes = 0;
    std::string sha256, path;  ///< path: where it was last seen
};
/// Throws Error (bad_input) when absent.
[[nodiscard]] TextRow get_text(const Workspace& workspace, std::int64_t id);

}  // namespace bitwright
