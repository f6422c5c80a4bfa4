// SPDX-License-Identifier: GPL-3.0-or-later
// A package before it is written: every operation's scalars (the "operations" metadata) and every tensor with the function that makes it, one block at a time.
// Internal to the package export.
// Threading: one object per export.
#pragma once

#include "core/exchange/integer_grids.h"
#include "core/runtime/safetensors.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

namespace bitwright {

/// Tensors that are made together, in the order declared.
struct TensorGroup {
    std::vector<SafetensorsWriter::Declared> declared;
    std::function<std::vector<Tensor>()> make;
};

class PackagePlan {
public:
    PackagePlan(const Model& model, const Recipe& recipe, std::int64_t context);

    /// Lays out the whole model. Throws Error (bad_input) as export_package().
    void lay_out(const Control& control);

    [[nodiscard]] const std::vector<TensorGroup>& groups() const noexcept { return groups_; }
    [[nodiscard]] const nlohmann::ordered_json& operations() const noexcept { return operations_; }
    [[nodiscard]] double logit_scale() const noexcept { return logit_scale_; }
    [[nodiscard]] const std::vector<Conversion>& conversions() const noexcept { return grids_.conversions(); }

private:
    void refuse_unsupported() const;
    void embedding(const IntegerGrid& residual);
    /// Lays out layer `index`; `residual` is the stream before it and becomes the stream after it.
    void layer(std::int64_t index, IntegerGrid& residual);
    IntegerGrid norm(const std::string& name, SiteRole weight, std::int64_t index, const IntegerGrid& input, const IntegerGrid& output);
    void linear(const std::string& name, SiteRole weight, std::int64_t index, const IntegerGrid& input, const IntegerGrid& output);
    void rope(const std::string& name, std::int64_t index, const IntegerGrid& input, const IntegerGrid& output);
    void attention(const std::string& name, std::int64_t index, const IntegerGrid& query, const IntegerGrid& key, const IntegerGrid& value, const IntegerGrid& output);
    void residual_add(const std::string& name, const std::vector<double>& scales, const IntegerGrid& output);
    void activation(const std::string& name, const IntegerGrid& input, const IntegerGrid& output);
    void lm_head(const IntegerGrid& input);
    void add(std::vector<SafetensorsWriter::Declared> declared, std::function<std::vector<Tensor>()> make) { groups_.push_back({std::move(declared), std::move(make)}); }

    const Model& model_;
    const Recipe& recipe_;
    const Architecture& architecture_;
    const std::int64_t context_;
    IntegerGrids grids_;
    std::vector<TensorGroup> groups_;
    std::vector<bool> rope_written_;
    nlohmann::ordered_json operations_ = nlohmann::ordered_json::object();
    double logit_scale_ = 1;
};

}  // namespace bitwright
