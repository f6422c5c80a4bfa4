// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/tensors.h"

#include "core/recipe/recipe.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "core/runtime/json.h"
#include "core/runtime/safetensors.h"
#include "core/workspace/database.h"
#include "core/workspace/stored_json.h"

#include <unistd.h>
#include <cstdlib>
#include <set>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr const char* whole_file = "safetensors";

fs::path large_path(const Workspace& workspace, std::string_view sha256) { return workspace.data_folder() / (std::string(sha256) + ".safetensors"); }

/// True when the workspace has it; its time is renewed, so that a collection in another process does not take it before the row that refers to it is written.
bool known(Workspace& workspace, const std::string& sha256)
{
    return workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "UPDATE tensor SET created = ? WHERE sha256 = ?");
        row.bind(1, timestamp());
        row.bind(2, sha256);
        return row.exec() > 0;
    });
}

/// `data` null: the bytes lie in the data folder.
void insert(Workspace& workspace, const std::string& sha256, std::string_view dtype, const std::string& shape, std::uint64_t bytes, const std::byte* data)
{
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement row(db, "INSERT INTO tensor (sha256, dtype, shape, bytes, data, created) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
        row.bind(1, sha256);
        row.bind(2, std::string(dtype));
        row.bind(3, shape);
        row.bind(4, static_cast<std::int64_t>(bytes));
        if (data)
            row.bind(5, static_cast<const void*>(data), static_cast<int>(bytes));
        else
            row.bind(5);
        row.bind(6, timestamp());
        row.exec();
    });
}

void make_data_folder(const Workspace& workspace)
{
    std::error_code error;
    fs::create_directories(workspace.data_folder(), error);
    if (error) throw failure(workspace.data_folder().string() + ": cannot be made (" + error.message() + ")");
}

[[noreturn]] void absent(const Workspace& workspace, std::string_view sha256, const std::string& what)
{
    throw bad_input(workspace.path().string(), "tensor " + std::string(sha256.substr(0, 12)),
                    what + "; restore the workspace together with its folder " + workspace.data_folder().filename().string());
}

Dtype dtype_of(const std::string& name)
{
    for (int i = 0; i <= static_cast<int>(Dtype::boolean); ++i)
        if (name_of(static_cast<Dtype>(i)) == name) return static_cast<Dtype>(i);
    throw bad_input("", "dtype", "\"" + name + "\" is no tensor type");
}

}  // namespace

std::string put_tensor(Workspace& workspace, const Tensor& tensor)
{
    auto sha256 = tensor_sha256(tensor);
    if (known(workspace, sha256)) return sha256;
    const bool large = tensor.data.size() > inline_tensor_limit;
    if (large) {
        make_data_folder(workspace);
        write_safetensors(large_path(workspace, sha256), {{"tensor", tensor}});
    }
    static constexpr std::byte none{};  // an empty tensor is a blob of length 0, not NULL
    insert(workspace, sha256, name_of(tensor.dtype), to_string(tensor.shape), tensor.data.size(),
           large                 ? nullptr
           : tensor.data.empty() ? &none
                                 : tensor.data.data());
    return sha256;
}

Tensor get_tensor(const Workspace& workspace, std::string_view sha256)
{
    Tensor tensor;
    const bool large = workspace.database().read([&](SQLite::Database& db) {
        SQLite::Statement query(db, "SELECT dtype, shape, bytes, data FROM tensor WHERE sha256 = ?");
        query.bind(1, std::string(sha256));
        if (!query.executeStep()) absent(workspace, sha256, "is not in the workspace");
        if (query.getColumn(0).getString() == whole_file) absent(workspace, sha256, "is a file, not a tensor");
        tensor.dtype = dtype_of(query.getColumn(0).getString());
        tensor.shape = stored_json<Shape>(workspace, "tensor " + std::string(sha256.substr(0, 12)) + ", shape", query.getColumn(1).getString());
        if (query.getColumn(3).isNull() && query.getColumn(2).getInt64() > 0) return true;
        const auto column = query.getColumn(3);
        const auto* data = static_cast<const std::byte*>(column.getBlob());
        tensor.data.assign(data, data + column.getBytes());
        return false;
    });
    if (!large) return tensor;
    const auto path = large_path(workspace, sha256);
    if (!fs::exists(path)) absent(workspace, sha256, "its file " + path.string() + " is missing");
    const SafetensorsFile file(path);
    const auto view = file.tensor("tensor");
    tensor.data.assign(view.data.begin(), view.data.end());
    return tensor;
}

std::string put_file(Workspace& workspace, const fs::path& file)
{
    const MappedFile mapped(file);
    return put_bytes(workspace, mapped.bytes());
}

std::string put_bytes(Workspace& workspace, std::span<const std::byte> bytes)
{
    auto sha256 = sha256_hex(bytes);
    if (known(workspace, sha256)) return sha256;
    const bool large = bytes.size() > inline_tensor_limit;
    if (large) {
        make_data_folder(workspace);
        AtomicFile copy(large_path(workspace, sha256));
        copy.write_at(0, bytes);
        copy.commit();
    }
    insert(workspace, sha256, whole_file, "[]", bytes.size(), large ? nullptr : bytes.data());
    return sha256;
}

StoredFile::StoredFile(const Workspace& workspace, std::string_view sha256)
{
    const auto data = workspace.database().read([&](SQLite::Database& db) -> std::optional<std::string> {
        SQLite::Statement query(db, "SELECT data FROM tensor WHERE sha256 = ? AND dtype = ?");
        query.bind(1, std::string(sha256));
        query.bind(2, whole_file);
        if (!query.executeStep()) absent(workspace, sha256, "is not in the workspace");
        return optional_string(query.getColumn(0));
    });
    if (!data) {
        path_ = large_path(workspace, sha256);
        if (!fs::exists(path_)) absent(workspace, sha256, "its file " + path_.string() + " is missing");
        return;
    }
    std::string name = (fs::temp_directory_path() / "bitwright-XXXXXX").string();
    const int descriptor = ::mkstemp(name.data());
    if (descriptor < 0) throw failure(name + ": cannot be made; free some space in " + fs::temp_directory_path().string());
    ::close(descriptor);
    path_ = name;
    temporary_ = true;
    try {
        write_text(path_, *data);
    } catch (...) {
        std::error_code ignored;
        fs::remove(path_, ignored);
        throw;
    }
}

StoredFile::~StoredFile()
{
    std::error_code ignored;
    if (temporary_) fs::remove(path_, ignored);
}

Collected collect_unreferenced(Workspace& workspace, std::chrono::seconds older_than)
{
    Collected collected;
    std::set<std::string> kept;
    workspace.database().write([&](SQLite::Database& db) {
        SQLite::Statement unused(db,
                                 "SELECT sha256, bytes FROM tensor WHERE created <= ? AND sha256 NOT IN (SELECT sha256 FROM recipe_tensors "
                                 "UNION SELECT tokens FROM calibrations UNION SELECT statistics FROM calibrations "
                                 "UNION SELECT window_nll FROM evaluations UNION SELECT log FROM runs UNION SELECT per_window FROM agreements "
                                 "UNION SELECT outcomes FROM task_scores UNION SELECT log_probabilities FROM task_scores)");
        unused.bind(1, timestamp(std::chrono::system_clock::now() - older_than));
        SQLite::Statement erase(db, "DELETE FROM tensor WHERE sha256 = ?");
        while (unused.executeStep()) {
            erase.bind(1, unused.getColumn(0).getString());
            erase.exec();
            erase.reset();
            ++collected.rows;
            collected.bytes += static_cast<std::uint64_t>(unused.getColumn(1).getInt64());
        }
        SQLite::Statement large(db, "SELECT sha256 FROM tensor WHERE data IS NULL");
        while (large.executeStep()) kept.insert(large.getColumn(0).getString() + ".safetensors");
        SQLite::Statement packages(db, "SELECT path FROM packages");
        while (packages.executeStep()) kept.insert(fs::path(packages.getColumn(0).getString()).filename().string());
        SQLite::Statement resumable(db, "SELECT checkpoint FROM jobs WHERE checkpoint IS NOT NULL AND finish IS NULL");
        while (resumable.executeStep()) kept.insert(fs::path(resumable.getColumn(0).getString()).filename().string());
    });
    std::error_code error;
    const auto old = fs::file_time_type::clock::now() - older_than;
    for (const auto& entry : fs::directory_iterator(workspace.data_folder(), error)) {
        if (kept.contains(entry.path().filename().string()) || entry.last_write_time(error) > old || error) continue;
        if (fs::remove(entry.path(), error)) ++collected.files;
    }
    return collected;
}

}  // namespace bitwright
