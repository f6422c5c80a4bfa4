// SPDX-License-Identifier: GPL-3.0-or-later
// The one reader and writer of safetensors files (https://github.com/huggingface/safetensors: 8-byte little-endian header length, JSON header, data).
// Invariants: opening reads the header only and checks all of it (lengths, dtypes, shapes, offsets, overlaps, overflow) without ever allocating
// what a malformed header claims; data is mapped read-only. Every error names the file and the tensor.
// Threading: a SafetensorsFile is immutable after construction and may be shared.
#pragma once

#include "core/runtime/tensor.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bitwright {

/// One entry of the header. `dtype_name` keeps the file's spelling, also where Bitwright cannot read it (F8_E4M3).
struct TensorEntry {
    std::string name;
    std::string dtype_name;
    bool supported = true;  ///< dtype is one of Dtype; tensor() throws otherwise
    Dtype dtype = Dtype::f32;
    Shape shape;
    std::uint64_t begin = 0, end = 0;  ///< byte offsets within the data section
};

class SafetensorsFile {
public:
    /// Maps `path`. Throws Error (bad_input) as golden/bad demands.
    explicit SafetensorsFile(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const noexcept;
    [[nodiscard]] const std::vector<TensorEntry>& entries() const noexcept;  ///< sorted by name
    [[nodiscard]] const std::map<std::string, std::string>& metadata() const noexcept;
    [[nodiscard]] std::string_view header_json() const noexcept;  ///< the raw header, for identity hashes
    [[nodiscard]] std::uint64_t file_size() const noexcept;
    [[nodiscard]] std::int64_t modified_ns() const noexcept;
    [[nodiscard]] const TensorEntry* find(std::string_view name) const noexcept;
    /// The mapped bytes. Throws Error (bad_input) if absent or of an unsupported dtype.
    [[nodiscard]] TensorView tensor(std::string_view name) const;
    /// Tells the kernel that these pages are not needed any more (streaming over a model larger than memory).
    void release(std::string_view name) const noexcept;

private:
    struct State;
    std::shared_ptr<const State> state_;
};

/// Writes a safetensors file (each tensor aligned for its dtype): everything goes to a temporary name beside `path`, is synced and renamed in finish();
/// without finish() nothing is left behind. Tensors are declared first (the header comes first), then streamed in order.
class SafetensorsWriter {
public:
    struct Declared {
        std::string name;
        Dtype dtype;
        Shape shape;
    };
    SafetensorsWriter(std::filesystem::path path, std::vector<Declared> tensors, std::map<std::string, std::string> metadata = {});
    ~SafetensorsWriter();
    SafetensorsWriter(const SafetensorsWriter&) = delete;
    SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

    /// Appends bytes to the tensor currently being written; may be called several times per tensor (streaming).
    /// Throws Error (failed) naming the file when the disk is full.
    void append(std::span<const std::byte> bytes);
    /// Precondition: exactly the declared bytes were appended. Syncs, renames.
    void finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Writes all of `tensors` in one call, atomically as SafetensorsWriter.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace bitwright
