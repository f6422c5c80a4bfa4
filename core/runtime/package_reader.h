// SPDX-License-Identifier: GPL-3.0-or-later
// Typed, checked access to a package file while it is being opened: every read names its operation or tensor when it fails, and remembers what was read,
// so that leftovers can be refused. Internal to package.cpp and package_operations.cpp.
#pragma once

#include "core/runtime/json.h"
#include "core/runtime/package.h"

#include <set>
#include <string>

namespace bitwright {

class PackageReader {
public:
    explicit PackageReader(Package& package);
    /// Fills the package's graph. Throws Error (bad_input).
    void read();

private:
    /// One operation's scalars: the JSON object and its name for messages.
    struct Scalars {
        const json::Value* object = nullptr;
        std::string name;
    };

    [[noreturn]] void fail(const std::string& name, const std::string& what) const;
    void read_architecture(const json::Value& architecture);
    void read_layer(std::int64_t index);
    void refuse_leftovers() const;

    [[nodiscard]] bool has(const std::string& operation) const;
    [[nodiscard]] Scalars scalars(const std::string& operation);
    [[nodiscard]] const json::Value& field(const Scalars& from, const char* key) const;
    [[nodiscard]] std::int64_t integer(const Scalars& from, const char* key, std::int64_t low, std::int64_t high) const;
    [[nodiscard]] double number(const Scalars& from, const char* key) const;
    [[nodiscard]] IntegerGrid grid(const Scalars& from, int most_bits = 16) const;
    [[nodiscard]] IntegerGrid symmetric_grid(const Scalars& from) const;
    [[nodiscard]] Requantizer requantizer(const Scalars& from, const char* key) const;

    /// The tensor's elements; wider ones are copied once to be aligned. Fails unless dtype and shape are as given.
    template <typename T>
    [[nodiscard]] std::span<const T> tensor(const std::string& name, Dtype dtype, const Shape& shape);
    template <typename T>
    [[nodiscard]] std::span<const T> optional_tensor(const std::string& name, Dtype dtype, const Shape& shape);
    /// The number of elements of a vector that may come in two or three sizes; fails on any other, 0 if absent.
    [[nodiscard]] std::int64_t count_of(const std::string& name, std::initializer_list<std::int64_t> allowed) const;
    /// Rows, or panels where the metadata names them and the tensor has four dimensions.
    [[nodiscard]] WeightCodes weight_codes(const std::string& name, std::int64_t rows, std::int64_t cols);
    void check_requantizers(const std::string& name, std::span<const std::int32_t> multipliers, std::span<const std::uint8_t> shifts) const;

    [[nodiscard]] Embedding embedding();
    [[nodiscard]] Norm norm(const std::string& name, std::int64_t width, std::int64_t other_width = 0);
    [[nodiscard]] Linear linear(const std::string& name, std::int64_t rows, std::int64_t cols, const IntegerGrid& input, bool writes_logits = false, int most_bits = 16);
    /// Norms of q or k: none, one, or each head's own.
    [[nodiscard]] std::vector<Norm> head_norms(const std::string& name, const Linear& projection, std::int64_t heads);
    [[nodiscard]] Rotation rope(const std::string& name, const IntegerGrid& input);
    [[nodiscard]] Attention attention(const std::string& name, const LayerGraph& layer);
    [[nodiscard]] ResidualAdd residual_add(const std::string& name, std::vector<std::int32_t> zero_points);
    [[nodiscard]] ActivationTable activation(const std::string& name, const IntegerGrid& input);

    Package& package_;
    std::string where_;
    WeightLayout layout_;  ///< what the metadata names
    json::Value operations_;
    std::set<std::string> read_operations_, read_tensors_;
};

}  // namespace bitwright
