// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/safetensors.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/json.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr std::uint64_t length_bytes = 8;
constexpr std::size_t cache_line = 64;
constexpr std::uint64_t max_header = 100'000'000;  // the format's own limit

/// What the format knows beyond Dtype, with bits per element: valid files that hold something we do not compute with.
struct ForeignDtype {
    std::string_view name;
    std::uint64_t bits;
};
constexpr std::array<ForeignDtype, 9> foreign_dtypes{
    {{"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4}, {"C64", 64}}};

std::optional<Dtype> dtype_called(std::string_view name) noexcept
{
    for (auto dtype = Dtype::f64;; dtype = static_cast<Dtype>(static_cast<int>(dtype) + 1)) {
        if (name_of(dtype) == name) return dtype;
        if (dtype == Dtype::boolean) return std::nullopt;
    }
}

std::string range_text(std::uint64_t begin, std::uint64_t end) { return "[" + std::to_string(begin) + ", " + std::to_string(end) + ")"; }

/// bits in a tensor of this shape, or nothing when the number does not fit.
std::optional<std::uint64_t> total_bits(const Shape& shape, std::uint64_t element_bits) noexcept
{
    std::uint64_t total = element_bits;
    bool empty = false;
    for (const auto dimension : shape) {
        if (dimension == 0)
            empty = true;
        else if (total > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / static_cast<std::uint64_t>(dimension))
            return std::nullopt;
        else
            total *= static_cast<std::uint64_t>(dimension);
    }
    return empty ? 0 : total;
}

TensorEntry read_entry(const std::string& name, const json::Value& value, const std::string& where)
{
    const auto fault = [&](const std::string& what) { return bad_input(where, name, what); };
    if (value.kind != json::Kind::object) throw fault("the header's entry is not an object; the file is damaged");
    TensorEntry entry;
    entry.name = name;

    const auto* dtype = value.find("dtype");
    if (!dtype || dtype->kind != json::Kind::string) throw fault("the header's entry has no dtype; the file is damaged");
    entry.dtype_name = dtype->string;

    const auto* shape = value.find("shape");
    if (!shape || shape->kind != json::Kind::array) throw fault("the header's entry has no shape; the file is damaged");
    for (const auto& dimension : shape->array) {
        if (dimension.kind != json::Kind::integer) throw fault("a dimension of its shape is not an integer that fits 64 bits; the file is damaged");
        if (dimension.integer < 0) throw fault("the dimension " + std::to_string(dimension.integer) + " of its shape is negative; the file is damaged");
        entry.shape.push_back(dimension.integer);
    }

    const auto* offsets = value.find("data_offsets");
    if (!offsets || offsets->kind != json::Kind::array || offsets->array.size() != 2 || offsets->array[0].kind != json::Kind::integer ||
        offsets->array[1].kind != json::Kind::integer)
        throw fault("the header's entry has no data_offsets of two integers; the file is damaged");
    const auto begin = offsets->array[0].integer;
    const auto end = offsets->array[1].integer;
    if (begin < 0 || end < begin)
        throw fault("its data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + "] are no range; the file is damaged");
    entry.begin = static_cast<std::uint64_t>(begin);
    entry.end = static_cast<std::uint64_t>(end);

    std::uint64_t element_bits = 0;
    if (const auto known = dtype_called(entry.dtype_name)) {
        entry.dtype = *known;
        element_bits = 8 * size_of(*known);
    } else {
        const auto foreign = std::find_if(foreign_dtypes.begin(), foreign_dtypes.end(), [&](const auto& d) { return d.name == entry.dtype_name; });
        if (foreign == foreign_dtypes.end())
            throw fault("its dtype " + entry.dtype_name + " is unknown to the safetensors format; the file is damaged or newer");
        entry.supported = false;
        element_bits = foreign->bits;
    }
    const auto bits = total_bits(entry.shape, element_bits);
    if (!bits) throw fault("its shape " + to_string(entry.shape) + " has more elements than 64 bits can count; the file is damaged");
    const auto bytes = *bits / 8 + (*bits % 8 ? 1 : 0);
    if (bytes != entry.end - entry.begin)
        throw fault("shape " + to_string(entry.shape) + " of " + entry.dtype_name + " needs " + std::to_string(bytes) + " bytes, its data_offsets give " +
                    std::to_string(entry.end - entry.begin) + "; the file is damaged");
    return entry;
}

/// The entries must tile the data section exactly. Faults are reported from the most telling to the least.
void check_layout(const std::vector<TensorEntry>& entries, std::uint64_t data_bytes, std::uint64_t file_bytes, const std::string& where)
{
    std::vector<const TensorEntry*> by_offset;
    by_offset.reserve(entries.size());
    for (const auto& entry : entries) by_offset.push_back(&entry);
    std::sort(by_offset.begin(), by_offset.end(), [](const auto* a, const auto* b) { return std::tie(a->begin, a->end) < std::tie(b->begin, b->end); });

    const TensorEntry* last = nullptr;  // the one that reaches furthest so far
    for (const auto* entry : by_offset) {
        if (entry->begin == entry->end) continue;
        if (last && entry->begin < last->end)
            throw bad_input(where, entry->name,
                            "shares the bytes " + range_text(entry->begin, std::min(entry->end, last->end)) + " with " + last->name + "; the file is damaged");
        last = entry;
    }
    const auto claimed = last ? last->end : 0;
    for (const auto* entry : by_offset)
        if (entry->end > data_bytes)
            throw bad_input(where, entry->name,
                            "its data_offsets [" + std::to_string(entry->begin) + ", " + std::to_string(entry->end) + "] end beyond the data of " +
                                std::to_string(data_bytes) + " bytes: the file has " + std::to_string(file_bytes) + " bytes, its header asks for " +
                                std::to_string(file_bytes - data_bytes + claimed) + "; it is cut or damaged, fetch it again");
    std::uint64_t next = 0;
    for (const auto* entry : by_offset) {
        if (entry->begin > next)
            throw bad_input(where, entry->name, "no tensor claims the bytes " + range_text(next, entry->begin) + " before it; the file is damaged");
        next = std::max(next, entry->end);
    }
    if (next < data_bytes) throw bad_input(where, "", "no tensor claims the last " + std::to_string(data_bytes - next) + " bytes; the file is damaged");
}

}  // namespace

struct SafetensorsFile::State {
    explicit State(const fs::path& file_path) : path(file_path), file(file_path) {}

    fs::path path;
    MappedFile file;
    std::string_view header;
    std::span<const std::byte> data;
    std::vector<TensorEntry> entries;
    std::map<std::string, std::string> metadata;
};

SafetensorsFile::SafetensorsFile(const fs::path& path)
{
    auto state = std::make_shared<State>(path);
    const std::string where = path.string();
    const auto bytes = state->file.bytes();
    if (bytes.size() < length_bytes)
        throw bad_input(where, "", "has " + std::to_string(bytes.size()) + " bytes, too short for a safetensors header; fetch it again");
    std::uint64_t header_size = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) header_size |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    const auto rest = bytes.size() - length_bytes;
    if (header_size > rest)
        throw bad_input(where, "",
                        "claims a header of " + std::to_string(header_size) + " bytes, but the whole file has " + std::to_string(bytes.size()) +
                            "; it is no safetensors file or is cut");
    if (header_size > max_header)
        throw bad_input(where, "", "claims a header of " + std::to_string(header_size) + " bytes; safetensors allows " + std::to_string(max_header));
    state->header = {reinterpret_cast<const char*>(bytes.data()) + length_bytes, header_size};
    state->data = bytes.subspan(length_bytes + header_size);

    const auto header = json::parse(state->header, where + ": header");
    if (header.kind != json::Kind::object) throw bad_input(where, "header", "is JSON but no object; an object of tensors was expected");
    for (const auto& [name, value] : header.object) {
        if (name != "__metadata__") {
            state->entries.push_back(read_entry(name, value, where));
            continue;
        }
        if (value.kind != json::Kind::object) throw bad_input(where, "__metadata__", "is no object of strings; the file is damaged");
        for (const auto& [key, text] : value.object) {
            if (text.kind != json::Kind::string) throw bad_input(where, "__metadata__." + key, "is no string; the file is damaged");
            state->metadata.emplace(key, text.string);
        }
    }
    std::sort(state->entries.begin(), state->entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    check_layout(state->entries, state->data.size(), bytes.size(), where);
    state_ = std::move(state);
}

const fs::path& SafetensorsFile::path() const noexcept { return state_->path; }
const std::vector<TensorEntry>& SafetensorsFile::entries() const noexcept { return state_->entries; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const noexcept { return state_->metadata; }
std::string_view SafetensorsFile::header_json() const noexcept { return state_->header; }
std::uint64_t SafetensorsFile::file_size() const noexcept { return state_->file.bytes().size(); }
std::int64_t SafetensorsFile::modified_ns() const noexcept { return state_->file.modified_ns(); }

const TensorEntry* SafetensorsFile::find(std::string_view name) const noexcept
{
    const auto& entries = state_->entries;
    const auto found = std::lower_bound(entries.begin(), entries.end(), name, [](const TensorEntry& entry, std::string_view n) { return entry.name < n; });
    return found == entries.end() || found->name != name ? nullptr : &*found;
}

TensorView SafetensorsFile::tensor(std::string_view name) const
{
    const auto* entry = find(name);
    if (!entry) throw bad_input(state_->path.string(), name, "is not in the file");
    if (!entry->supported) throw bad_input(state_->path.string(), name, "its dtype " + entry->dtype_name + " is not supported; convert it to F32, F16 or BF16");
    return {entry->dtype, entry->shape, state_->data.subspan(entry->begin, entry->end - entry->begin)};
}

void SafetensorsFile::release(std::string_view name) const noexcept
{
    const auto* entry = find(name);
    if (!entry) return;
    const auto data_begin = file_size() - state_->data.size();
    state_->file.release(data_begin + entry->begin, data_begin + entry->end);
}

// Tensors lie in the file by falling element size, so that each one is aligned for its dtype (readers that view the bytes in place need it) although
// the format allows no gaps; tensors of four dimensions (a package's panels) come first, at multiples of a cache line where their sizes are; append() puts every tensor at its place, in whichever order they were declared.
struct SafetensorsWriter::State {
    explicit State(const fs::path& file_path) : path(file_path), file(file_path) {}

    struct Piece {
        std::string name;
        std::uint64_t begin = 0, end = 0;  // in the file
    };
    fs::path path;
    AtomicFile file;
    std::vector<Piece> pieces;  // as declared
    std::size_t current = 0;
    std::uint64_t written = 0;  // of the current piece, buffer included
    std::vector<std::byte> buffer;

    void flush()
    {
        if (buffer.empty()) return;
        file.write_at(pieces[current].begin + written - buffer.size(), buffer);
        buffer.clear();
    }
    void skip_complete()
    {
        while (current < pieces.size() && written == pieces[current].end - pieces[current].begin) {
            flush();
            ++current;
            written = 0;
        }
    }
};

SafetensorsWriter::SafetensorsWriter(fs::path path, std::vector<Declared> tensors, std::map<std::string, std::string> metadata)
    : state_(std::make_unique<State>(path))
{
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto alignment = [&](std::size_t i) { return tensors[i].shape.size() == 4 ? cache_line : size_of(tensors[i].dtype); };
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return alignment(a) > alignment(b); });

    std::string header = "{";
    if (!metadata.empty()) {
        header += "\"__metadata__\":{";
        for (const auto& [key, value] : metadata) header += (header.back() == '{' ? "" : ",") + json::quoted(key) + ":" + json::quoted(value);
        header += '}';
    }
    std::uint64_t offset = 0;
    state_->pieces.resize(tensors.size());
    for (const auto i : order) {
        const auto& tensor = tensors[i];
        const auto bytes = static_cast<std::uint64_t>(element_count(tensor.shape)) * size_of(tensor.dtype);
        if (header.size() > 1) header += ',';
        header += json::quoted(tensor.name) + ":{\"dtype\":\"" + std::string(name_of(tensor.dtype)) + "\",\"shape\":" + to_string(tensor.shape) +
                  ",\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(offset + bytes) + "]}";
        state_->pieces[i] = {tensor.name, offset, offset + bytes};
        offset += bytes;
    }
    header += '}';
    const std::size_t unit = !order.empty() && alignment(order.front()) == cache_line ? cache_line : length_bytes;
    header.append((unit - (length_bytes + header.size()) % unit) % unit, ' ');
    if (header.size() > max_header)
        throw failure(path.string() + ": its header would have " + std::to_string(header.size()) + " bytes, more than safetensors allows");
    for (auto& piece : state_->pieces) piece.begin += length_bytes + header.size(), piece.end += length_bytes + header.size();

    std::array<std::byte, length_bytes> length;
    for (std::size_t i = 0; i < length_bytes; ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i));
    state_->file.write_at(0, length);
    state_->file.write_at(length_bytes, std::as_bytes(std::span(header.data(), header.size())));
    state_->skip_complete();
}

SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::append(std::span<const std::byte> bytes)
{
    constexpr std::size_t buffer_size = std::size_t{1} << 20;
    auto& s = *state_;
    while (!bytes.empty()) {
        if (s.current == s.pieces.size()) throw failure(s.path.string() + ": more bytes were written than its tensors have");
        const auto& piece = s.pieces[s.current];
        const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), piece.end - piece.begin - s.written));
        if (take >= buffer_size) {
            s.flush();
            s.file.write_at(piece.begin + s.written, bytes.first(take));
        } else {
            if (s.buffer.size() + take > buffer_size) s.flush();
            s.buffer.insert(s.buffer.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
        }
        s.written += take;
        bytes = bytes.subspan(take);
        s.skip_complete();
    }
}

void SafetensorsWriter::finish()
{
    auto& s = *state_;
    if (s.current < s.pieces.size()) throw failure(s.path.string() + ": " + s.pieces[s.current].name + ": fewer bytes were written than it has");
    s.file.commit();
}

void write_safetensors(const fs::path& path, const std::map<std::string, Tensor>& tensors, const std::map<std::string, std::string>& metadata)
{
    std::vector<SafetensorsWriter::Declared> declared;
    for (const auto& [name, tensor] : tensors) declared.push_back({name, tensor.dtype, tensor.shape});
    SafetensorsWriter writer(path, std::move(declared), metadata);
    for (const auto& [name, tensor] : tensors) writer.append(tensor.data);
    writer.finish();
}

}  // namespace bitwright
