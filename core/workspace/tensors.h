// SPDX-License-Identifier: GPL-3.0-or-later
// Content-addressed values of a workspace: tensors and whole safetensors files. Up to 16 MiB they lie in the table `tensor`, larger ones in
// NAME.bitwright.data/<sha256>.safetensors, complete and synced before the row that names them exists.
// Threading: as Workspace.
#pragma once

#include "core/runtime/tensor.h"
#include "core/workspace/workspace.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace bitwright {

inline constexpr std::uint64_t inline_tensor_limit = 16ULL << 20;

/// Stores a tensor once. @return its tensor_sha256 (recipe.h).
std::string put_tensor(Workspace& workspace, const Tensor& tensor);
/// Throws Error (bad_input) when the workspace does not have it, or the file of a large one is missing.
[[nodiscard]] Tensor get_tensor(const Workspace& workspace, std::string_view sha256);

/// Stores a whole file. @return SHA-256 of its bytes.
std::string put_file(Workspace& workspace, const std::filesystem::path& file);
/// The same for bytes that are no file yet.
std::string put_bytes(Workspace& workspace, std::span<const std::byte> bytes);
/// A file stored with put_file, readable as long as this object lives.
class StoredFile {
public:
    StoredFile(const Workspace& workspace, std::string_view sha256);
    ~StoredFile();
    StoredFile(const StoredFile&) = delete;
    StoredFile& operator=(const StoredFile&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
    bool temporary_ = false;
};

struct Collected {
    std::int64_t rows = 0, files = 0;
    std::uint64_t bytes = 0;
};
/// Removes tensors that nothing references, and files in the data folder that no row (tensor, package, resumable job) names. What is younger than `older_than`
/// stays: another process may be about to write the row.
Collected collect_unreferenced(Workspace& workspace, std::chrono::seconds older_than = std::chrono::hours(1));

}  // namespace bitwright
