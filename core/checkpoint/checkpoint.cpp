// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/checkpoint.h"

#include "core/checkpoint/parse_json.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <numeric>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr const char* single_file = "model.safetensors";
constexpr const char* index_file = "model.safetensors.index.json";
constexpr std::uint64_t max_config_bytes = std::uint64_t{64} << 20;

nlohmann::json parse_object(const std::string& text, const fs::path& path)
{
    auto json = parse_json(text, path.string());
    if (!json.is_object()) throw bad_input(path.string(), "", "is JSON but no object");
    return json;
}

bool is_float(const TensorEntry& entry) noexcept
{
    return entry.supported && (entry.dtype == Dtype::f64 || entry.dtype == Dtype::f32 || entry.dtype == Dtype::f16 || entry.dtype == Dtype::bf16);
}

std::string non_finite_text(std::size_t count, std::size_t total)
{
    return std::to_string(count) + " of " + std::to_string(total) + " values are not finite (NaN or infinite); the checkpoint is damaged, fetch it again";
}

}  // namespace

struct Checkpoint::State {
    struct Place {
        const SafetensorsFile* file = nullptr;
        const TensorEntry* entry = nullptr;
    };
    fs::path folder;
    std::string config_text;
    nlohmann::json config;
    std::vector<SafetensorsFile> files;
    std::vector<std::string> names;  // sorted
    std::vector<Place> places;       // of names
    std::string identity;

    [[nodiscard]] const Place* find(std::string_view name) const noexcept
    {
        const auto found = std::lower_bound(names.begin(), names.end(), name);
        return found == names.end() || *found != name ? nullptr : &places[static_cast<std::size_t>(found - names.begin())];
    }
    [[nodiscard]] const Place& at(std::string_view name) const
    {
        if (const auto* place = find(name)) return *place;
        throw bad_input(files.size() == 1 ? files.front().path().string() : (folder / index_file).string(), name, "is not in the file");
    }
    void add(const SafetensorsFile& file, const TensorEntry& entry)
    {
        names.push_back(entry.name);
        places.push_back({&file, &entry});
    }
    void open_index();
    void open_weights();
    void hash_headers();
};

void Checkpoint::State::open_index()
{
    const auto path = folder / index_file;
    const auto index = parse_object(read_text(path, max_config_bytes), path);
    const auto map = index.find("weight_map");
    if (map == index.end() || !map->is_object() || map->empty())
        throw bad_input(path.string(), "weight_map", "is missing, or no object of tensor names and shards");
    std::map<std::string, std::size_t> shards;
    for (const auto& [tensor, shard] : map->items()) {
        if (!shard.is_string()) throw bad_input(path.string(), "weight_map." + tensor, "is no file name");
        const auto name = shard.get<std::string>();
        if (name.empty() || fs::path(name).filename() != name) throw bad_input(path.string(), "weight_map." + tensor, "“" + name + "” is no plain file name");
        shards.emplace(name, 0);
    }
    files.reserve(shards.size());
    for (auto& [name, position] : shards) {
        if (!fs::exists(folder / name)) throw bad_input(path.string(), "weight_map", "names the shard " + name + ", which is not in the folder; fetch it");
        position = files.size();
        files.emplace_back(folder / name);
    }
    for (const auto& [tensor, shard] : map->items()) {  // sorted by nlohmann's std::map
        const auto name = shard.get<std::string>();
        const auto& file = files[shards.at(name)];
        const auto* entry = file.find(tensor);
        if (!entry)
            throw bad_input(path.string(), "weight_map",
                            "puts " + tensor + " into the shard " + name + ", which does not hold it; fetch index and shards again");
        add(file, *entry);
    }
}

void Checkpoint::State::open_weights()
{
    if (fs::exists(folder / single_file)) {
        files.emplace_back(folder / single_file);
        for (const auto& entry : files.front().entries()) add(files.front(), entry);
    } else if (fs::exists(folder / index_file)) {
        open_index();
    } else {
        const bool pickled = fs::exists(folder / "pytorch_model.bin") || fs::exists(folder / "pytorch_model.bin.index.json");
        throw bad_input(folder.string(), "",
                        std::string("holds neither ") + single_file + " nor " + index_file +
                            (pickled ? "; convert its pytorch_model.bin to safetensors first" : "; is it a Hugging Face model folder?"));
    }
}

void Checkpoint::State::hash_headers()
{
    Sha256 hash;
    hash.update(config_text);
    for (const auto& file : files)
        hash.update("\n" + file.path().filename().string() + " " + std::to_string(file.file_size()) + " " + std::to_string(file.modified_ns()) + "\n")
            .update(file.header_json());
    identity = hash.hex();
}

Checkpoint::Checkpoint() : state_(std::make_unique<State>()) {}
Checkpoint::~Checkpoint() = default;

std::shared_ptr<const Checkpoint> Checkpoint::open(const fs::path& folder)
{
    const std::shared_ptr<Checkpoint> checkpoint(new Checkpoint);
    auto& state = *checkpoint->state_;
    state.folder = folder;
    if (!fs::is_directory(folder)) throw bad_input(folder.string(), "", "is no folder; give the folder of a Hugging Face model");
    const auto config = checkpoint->config_path();
    if (!fs::exists(config)) throw bad_input(folder.string(), "", "holds no config.json; is it a Hugging Face model folder?");
    state.config_text = read_text(config, max_config_bytes);
    state.config = parse_object(state.config_text, config);
    state.open_weights();
    state.hash_headers();
    return checkpoint;
}

const fs::path& Checkpoint::folder() const noexcept { return state_->folder; }
const nlohmann::json& Checkpoint::config() const noexcept { return state_->config; }
fs::path Checkpoint::config_path() const { return state_->folder / "config.json"; }
bool Checkpoint::has_tokenizer() const noexcept
{
    std::error_code ignored;
    return fs::is_regular_file(state_->folder / "tokenizer.json", ignored);
}
fs::path Checkpoint::tokenizer_path() const { return state_->folder / "tokenizer.json"; }

const std::vector<std::string>& Checkpoint::tensor_names() const noexcept { return state_->names; }
bool Checkpoint::contains(std::string_view tensor) const noexcept { return state_->find(tensor) != nullptr; }
const TensorEntry& Checkpoint::entry(std::string_view tensor) const { return *state_->at(tensor).entry; }
const fs::path& Checkpoint::file_of(std::string_view tensor) const { return state_->at(tensor).file->path(); }
TensorView Checkpoint::tensor(std::string_view name) const { return state_->at(name).file->tensor(name); }

std::vector<float> Checkpoint::read_float(std::string_view name) const
{
    std::vector<float> values(static_cast<std::size_t>(element_count(entry(name).shape)));
    read_float(name, 0, values);
    return values;
}

void Checkpoint::read_float(std::string_view name, std::size_t first, std::span<float> out) const
{
    constexpr std::size_t step = 8192;  // floats that stay in the cache between widening and checking
    const auto& [file, entry] = state_->at(name);
    const auto view = file->tensor(name);
    if (!is_float(*entry))
        throw bad_input(file->path().string(), name, "its dtype " + entry->dtype_name + " is no floating-point dtype; convert it to F32, F16 or BF16");
    const auto bytes = view.data.subspan(first * size_of(view.dtype), out.size() * size_of(view.dtype));
    for (std::size_t at = 0; at < out.size(); at += step) {
        const auto piece = out.subspan(at, std::min(step, out.size() - at));
        to_float({view.dtype, {}, bytes.subspan(at * size_of(view.dtype), piece.size() * size_of(view.dtype))}, piece);
        if (count_non_finite({Dtype::f32, {}, std::as_bytes(piece)}))
            throw bad_input(file->path().string(), name, non_finite_text(count_non_finite(view), view.data.size() / size_of(view.dtype)));
    }
}

void Checkpoint::release(std::string_view name) const noexcept
{
    if (const auto* place = state_->find(name)) place->file->release(name);
}

std::uint64_t Checkpoint::weight_bytes() const noexcept
{
    return std::accumulate(state_->places.begin(), state_->places.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const State::Place& place) { return sum + place.entry->end - place.entry->begin; });
}

const std::string& Checkpoint::identity() const noexcept { return state_->identity; }

std::string Checkpoint::content_hash(const Control& control) const
{
    constexpr std::size_t step = std::size_t{1} << 22;  // about 15 ms
    Sha256 hash;
    hash.update(state_->config_text);
    std::uint64_t total = 0, done = 0;
    for (const auto& file : state_->files) total += file.file_size();
    for (const auto& file : state_->files) {
        const MappedFile mapped(file.path());
        for (std::size_t at = 0; at < mapped.bytes().size(); at += step) {
            control.check();
            const auto piece = mapped.bytes().subspan(at, std::min(step, mapped.bytes().size() - at));
            hash.update(piece);
            mapped.release(at, at + piece.size());
            done += piece.size();
            control.report({"content hash", static_cast<std::int64_t>(done), static_cast<std::int64_t>(total)});
        }
    }
    return hash.hex();
}

std::vector<std::string> Checkpoint::verify(const Control& control) const
{
    constexpr std::size_t step = std::size_t{1} << 24;  // bytes; a multiple of every element size
    std::vector<std::string> faults;
    std::int64_t done = 0;
    for (std::size_t i = 0; i < state_->names.size(); ++i) {
        const auto& [file, entry] = state_->places[i];
        const auto where = file->path().string() + ": " + entry->name + ": ";
        if (!entry->supported) {
            faults.push_back(where + "its dtype " + entry->dtype_name + " is not supported");
        } else if (is_float(*entry)) {
            const auto view = file->tensor(entry->name);
            std::size_t count = 0;
            for (std::size_t at = 0; at < view.data.size(); at += step) {
                control.check();
                count += count_non_finite({view.dtype, {}, view.data.subspan(at, std::min(step, view.data.size() - at))});
            }
            if (count) faults.push_back(where + non_finite_text(count, view.data.size() / size_of(view.dtype)));
            file->release(entry->name);
        }
        control.report({"verify", ++done, static_cast<std::int64_t>(state_->names.size())});
    }
    return faults;
}

}  // namespace bitwright
