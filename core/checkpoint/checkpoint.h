// SPDX-License-Identifier: GPL-3.0-or-later
// A Hugging Face model folder as it lies on disk: config.json, safetensors (one or sharded by index), tokenizer.json if there is one.
// Invariants: opening reads headers only (a 2.2 GB folder opens in < 0.3 s); weights are mapped, never copied whole; shards named by the index exist and
// hold what the index says. Non-finite values are found when a tensor is read.
// Threading: immutable after open(); share by shared_ptr<const Checkpoint>.
#pragma once

#include "core/runtime/control.h"
#include "core/runtime/safetensors.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bitwright {

class Checkpoint {
public:
    /// Throws Error (bad_input) naming folder, file, field (golden/bad/README.md says what a good error names).
    [[nodiscard]] static std::shared_ptr<const Checkpoint> open(const std::filesystem::path& folder);

    ~Checkpoint();
    [[nodiscard]] const std::filesystem::path& folder() const noexcept;
    [[nodiscard]] const nlohmann::json& config() const noexcept;
    [[nodiscard]] std::filesystem::path config_path() const;
    /// The weight file that holds `tensor`: what an error names.
    [[nodiscard]] const std::filesystem::path& file_of(std::string_view tensor) const;
    [[nodiscard]] bool has_tokenizer() const noexcept;
    [[nodiscard]] std::filesystem::path tokenizer_path() const;

    [[nodiscard]] const std::vector<std::string>& tensor_names() const noexcept;  ///< sorted
    [[nodiscard]] bool contains(std::string_view tensor) const noexcept;
    [[nodiscard]] const TensorEntry& entry(std::string_view tensor) const;  ///< throws Error (bad_input) "… is not in the file"
    [[nodiscard]] TensorView tensor(std::string_view name) const;
    /// The tensor widened to float. Throws Error (bad_input) with the count when values are NaN or infinite.
    [[nodiscard]] std::vector<float> read_float(std::string_view name) const;
    /// The same for elements `first` … first + out.size() − 1, row-major.
    void read_float(std::string_view name, std::size_t first, std::span<float> out) const;
    void release(std::string_view name) const noexcept;  ///< its pages are not needed for now
    [[nodiscard]] std::uint64_t weight_bytes() const noexcept;

    /// Hash of config.json and all safetensors headers with file sizes and times: available at once, changes when the folder changes.
    [[nodiscard]] const std::string& identity() const noexcept;
    /// SHA-256 over config.json and every weight file's bytes: what results are keyed by. Reads everything; cancellable.
    [[nodiscard]] std::string content_hash(const Control& control) const;
    /// Reads every weight; returns one sentence per tensor with non-finite values (`inspect --verify`).
    [[nodiscard]] std::vector<std::string> verify(const Control& control) const;

private:
    Checkpoint();
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace bitwright
