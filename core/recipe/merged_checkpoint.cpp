// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/merged_checkpoint.h"

#include "core/recipe/rotations.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <nlohmann/json.hpp>

#include <unistd.h>
#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

namespace bitwright {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk = std::size_t{1} << 20;  // elements between two looks at the cancel flag

/// A folder under a temporary name beside its own, renamed at the end, removed when there is no end.
class NewFolder {
public:
    explicit NewFolder(fs::path path) : path_(std::move(path))
    {
        if (!path_.has_filename()) path_ = path_.parent_path();
        if (fs::exists(path_)) throw bad_input(path_.string(), "", "exists already; choose another folder or remove it");
        temporary_ = path_.parent_path() / ("." + path_.filename().string() + "." + std::to_string(::getpid()) + ".part");
        std::error_code fault;
        fs::create_directories(temporary_, fault);
        if (fault) throw failure(temporary_.string() + ": cannot be made: " + fault.message());
    }
    ~NewFolder()
    {
        std::error_code ignored;
        if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
    }
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;
    [[nodiscard]] const fs::path& path() const noexcept { return temporary_; }
    void commit()
    {
        std::error_code fault;
        fs::rename(temporary_, path_, fault);
        if (fault) throw failure(path_.string() + ": cannot be put in place: " + fault.message());
        temporary_.clear();
    }

private:
    fs::path path_, temporary_;
};

/// The part of a stored tensor that a transformed weight or bias goes back to.
struct Piece {
    SiteId site = no_site;
    bool bias = false;
    WeightSource source;
    std::int64_t stacked_row = -1;  ///< this tensor is one row of the weight
};
using Pieces = std::map<std::string, std::vector<Piece>, std::less<>>;

std::set<SiteId> touched_sites(const Model& model, const Recipe& recipe)
{
    std::set<SiteId> touched;
    for (const Transform& transform : recipe.transforms) {
        if (const ScalePair* turned = rotation_in(transform)) {
            const auto rotation = legal_rotation(model, turned->pair, turned->layer);
            if (!rotation) throw bad_input("recipe", turned->pair, "is no rotation of this model; validate the recipe against it");
            touched.insert(rotation->columns.begin(), rotation->columns.end());
            touched.insert(rotation->rows.begin(), rotation->rows.end());
        } else if (const auto* scaling = std::get_if<ScalePair>(&transform)) {
            const auto pair = legal_pair(model, scaling->pair, scaling->layer);
            if (!pair)
                throw bad_input("recipe", scaling->pair,
                                "is no scale pair of layer " + std::to_string(scaling->layer) + "; validate the recipe against this model");
            touched.insert(pair->producer);
            touched.insert(pair->consumers.begin(), pair->consumers.end());
        } else {
            const auto* clip = std::get_if<Clip>(&transform);
            touched.insert(model.sites->find(clip ? clip->site : std::get<Codes>(transform).site));
        }
    }
    touched.erase(no_site);
    return touched;
}

Pieces pieces_of(const Model& model, const Recipe& recipe)
{
    Pieces pieces;
    const auto add = [&](SiteId site, bool bias, const std::optional<WeightSource>& source) {
        if (!source) return;
        if (source->stacked == 0) {
            pieces[source->tensor].push_back({site, bias, *source});
            return;
        }
        constexpr std::string_view place = "{head}";
        for (std::int64_t row = 0; row < source->stacked; ++row) {
            std::string name = source->tensor;
            name.replace(name.find(place), place.size(), std::to_string(row));
            pieces[name].push_back({site, bias, *source, row});
        }
    };
    for (const SiteId id : touched_sites(model, recipe)) {
        const Site& site = (*model.sites)[id];
        if (model.architecture().tied_embeddings && (site.role == SiteRole::lm_head_weight || site.role == SiteRole::embedding_weight)) {
            throw bad_input(model.checkpoint->folder().string(), site.name,
                            "is tied to the embedding, so a changed one cannot be written; remove its transform");
        }
        add(id, false, model.description->weight(site.weight_role, site.layer));
        add(id, true, model.description->bias(site.weight_role, site.layer));
    }
    return pieces;
}

/// The inverse of read_weight() for one piece: `values` in linear convention into the stored `tensor` of `shape`.
void put(const Piece& piece, std::vector<float> values, const Shape& shape, std::vector<float>& tensor)
{
    const WeightSource& source = piece.source;
    if (source.add != 0) {
        for (float& value : values) value -= static_cast<float>(source.add);
    }
    if (piece.stacked_row >= 0) {
        const auto from = values.begin() + piece.stacked_row * static_cast<std::ptrdiff_t>(tensor.size());
        std::copy(from, from + static_cast<std::ptrdiff_t>(tensor.size()), tensor.begin());
        return;
    }
    const bool matrix = shape.size() == 2;
    const auto rows = static_cast<std::size_t>(matrix && source.transposed ? shape[1] : shape[0]);
    const std::size_t cols = tensor.size() / rows;
    const std::size_t runs = source.count ? static_cast<std::size_t>(source.count) : 1, run = source.count ? static_cast<std::size_t>(source.run) : rows;
    for (std::size_t i = 0; i < runs; ++i) {
        const std::size_t first = source.count ? static_cast<std::size_t>(source.start) + i * static_cast<std::size_t>(source.stride) : 0;
        for (std::size_t r = 0; r < run; ++r) {
            const float* row = values.data() + (i * run + r) * cols;
            if (!source.transposed)
                std::copy(row, row + cols, tensor.begin() + static_cast<std::ptrdiff_t>((first + r) * cols));
            else
                for (std::size_t c = 0; c < cols; ++c) tensor[c * rows + first + r] = row[c];
        }
    }
}

bool is_float(Dtype dtype) { return dtype == Dtype::f64 || dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16; }

/// IEEE half of a float that is one exactly, else nullopt.
std::optional<std::uint16_t> exact_half(float value)
{
    const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
    const float magnitude = std::fabs(value);
    if (magnitude == 0) return sign;
    const int exponent = std::ilogb(magnitude);
    if (exponent > 15 || exponent < -24) return std::nullopt;
    const float units = std::ldexp(magnitude, exponent < -14 ? 24 : 10 - exponent);
    if (units != std::floor(units)) return std::nullopt;
    const auto whole = static_cast<std::uint16_t>(units);
    return static_cast<std::uint16_t>(sign | (exponent < -14 ? whole : ((exponent + 15) << 10) + whole - 1024));
}

template <typename T, typename Convert>
void append_as(SafetensorsWriter& writer, std::span<const float> values, Convert convert)
{
    std::vector<T> out(values.size());
    std::transform(values.begin(), values.end(), out.begin(), convert);
    writer.append(std::as_bytes(std::span<const T>(out)));
}

void append_exactly(SafetensorsWriter& writer, std::span<const float> values, Dtype dtype, const std::string& name)
{
    const auto inexact = [&](float value) {
        return failure(name + ": " + std::to_string(value) + " cannot be stored exactly as " + std::string(name_of(dtype)) +
                       "; write the weights as F32 or use smaller factors");
    };
    switch (dtype) {
        case Dtype::f64:
            append_as<double>(writer, values, [](float v) { return static_cast<double>(v); });
            return;
        case Dtype::bf16:
            append_as<std::uint16_t>(writer, values, [&](float v) {
                const auto bits = std::bit_cast<std::uint32_t>(v);
                if (bits & 0xffffu) throw inexact(v);
                return static_cast<std::uint16_t>(bits >> 16);
            });
            return;
        case Dtype::f16:
            append_as<std::uint16_t>(writer, values, [&](float v) {
                const auto half = exact_half(v);
                if (!half) throw inexact(v);
                return *half;
            });
            return;
        default:
            writer.append(std::as_bytes(values));
            return;
    }
}

std::string merged_config(const Checkpoint& checkpoint, MergedStorage storage)
{
    if (storage == MergedStorage::exact) return read_text(checkpoint.config_path());
    nlohmann::json config = checkpoint.config();
    config[config.contains("dtype") ? "dtype" : "torch_dtype"] = "float32";
    if (config.contains("dtype")) config.erase("torch_dtype");
    return config.dump(2) + "\n";
}

void write_weights(const Model& model, const Recipe& recipe, const fs::path& path, MergedStorage storage, const Control& control)
{
    const Checkpoint& checkpoint = *model.checkpoint;
    const Pieces pieces = pieces_of(model, recipe);
    const auto& names = checkpoint.tensor_names();
    std::vector<SafetensorsWriter::Declared> declared;
    for (const auto& name : names) {
        const TensorEntry& entry = checkpoint.entry(name);
        if (!entry.supported)
            throw bad_input(checkpoint.file_of(name).string(), name, "its dtype " + entry.dtype_name + " cannot be written; convert it to F32, F16 or BF16");
        declared.push_back({name, storage == MergedStorage::f32 && is_float(entry.dtype) ? Dtype::f32 : entry.dtype, entry.shape});
    }
    SafetensorsWriter writer(path, declared, {{"format", "pt"}});
    for (std::size_t i = 0; i < names.size(); ++i) {
        control.check();
        const auto& [name, dtype, shape] = declared[i];
        const auto found = pieces.find(name);
        const TensorView view = checkpoint.tensor(name);
        if (found != pieces.end()) {
            std::vector<float> values = checkpoint.read_float(name);
            for (const Piece& piece : found->second) {
                MaterializedWeight weight = materialize(model, &recipe, piece.site);
                put(piece, std::move(piece.bias ? weight.bias : weight.weight), shape, values);
            }
            for (std::size_t at = 0; at < values.size(); at += chunk) {
                control.check();
                append_exactly(writer, std::span(values).subspan(at, std::min(chunk, values.size() - at)), dtype, name);
            }
        } else if (dtype == view.dtype) {
            for (std::size_t at = 0; at < view.data.size(); at += 8 * chunk) {
                control.check();
                writer.append(view.data.subspan(at, std::min(8 * chunk, view.data.size() - at)));
            }
        } else {
            std::vector<float> values(chunk);
            const auto count = static_cast<std::size_t>(element_count(shape));
            for (std::size_t at = 0; at < count; at += chunk) {
                control.check();
                const auto part = std::span(values).first(std::min(chunk, count - at));
                checkpoint.read_float(name, at, part);
                writer.append(std::as_bytes(part));
            }
        }
        checkpoint.release(name);
        control.report({"writing weights", static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(names.size())});
    }
    writer.finish();
}

}  // namespace

void write_merged_checkpoint(const Model& model, const Recipe& recipe, const fs::path& folder, MergedStorage storage,
                             const std::map<std::string, std::string>& texts, const Control& control)
{
    NewFolder out(folder);
    write_text(out.path() / "config.json", merged_config(*model.checkpoint, storage));
    for (const char* name : {"generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                             "tokenizer.model", "vocab.json", "merges.txt", "chat_template.jinja"}) {
        const fs::path from = model.checkpoint->folder() / name;
        if (fs::exists(from)) write_text(out.path() / name, read_text(from));
    }
    for (const auto& [name, text] : texts) write_text(out.path() / name, text);
    write_weights(model, recipe, out.path() / "model.safetensors", storage, control);
    out.commit();
}

}  // namespace bitwright
