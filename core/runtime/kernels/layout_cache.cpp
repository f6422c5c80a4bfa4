// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/layout_cache.h"

#include "core/runtime/error.h"
#include "core/runtime/hash.h"
#include "core/runtime/kernels/laid_out.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr const char* source_key = "derived_from";  ///< the metadata's word
constexpr auto longest_unused = std::chrono::hours(24 * 60);
constexpr std::size_t name_digits = 32;

/// What an entry is made of: a package that changes changes its header, its size, its time of change (which some file systems count in milliseconds
/// only) or one of these samples of its weights.
std::string source_of(const SafetensorsFile& file)
{
    constexpr std::size_t sample = 4096, samples = 64;
    Sha256 hash;
    hash.update(file.header_json()).update(" " + std::to_string(file.file_size()) + " " + std::to_string(file.modified_ns()));
    std::uint64_t weights = 0;
    for (const TensorEntry& entry : file.entries()) weights = std::max(weights, entry.end);
    std::uint64_t next = 0;
    for (const TensorEntry& entry : file.entries()) {
        if (!entry.supported || entry.end == entry.begin) continue;
        const auto data = file.tensor(entry.name).data;
        hash.update(data.first(std::min<std::size_t>(data.size(), 64)));
        for (; next < data.size(); next += weights / samples + 1) hash.update(data.subspan(next, std::min<std::size_t>(sample, data.size() - next)));
        next -= data.size();
    }
    return hash.hex();
}

/// Whether a file of this name is one of our entries; the folder may hold other things (on a phone: the packages).
bool is_entry(const std::string& name)
{
    return name.size() > name_digits + 1 && name.find_first_not_of("0123456789abcdef") == name_digits && name.compare(name_digits, 8, ".panels-") == 0 &&
           name.ends_with(".safetensors");
}

std::shared_ptr<const Package> open_entry(const fs::path& path, const std::string& source)
{
    std::error_code unreadable;
    if (!fs::exists(path, unreadable)) return nullptr;
    try {
        auto entry = Package::open(path);
        if (entry->metadata(source_key) != source) return nullptr;
        fs::last_write_time(path, fs::file_time_type::clock::now(), unreadable);  // used now: the last to be removed
        return entry;
    } catch (const Error&) {
        return nullptr;
    }
}

void make_room(const LayoutCache& cache, std::uint64_t needed)
{
    struct Entry {
        fs::path path;
        fs::file_time_type used;
        std::uint64_t bytes;
    };
    std::vector<Entry> entries;
    std::uint64_t held = 0;
    std::error_code gone;  // another process may be doing the same
    for (const auto& file : fs::directory_iterator(cache.folder, gone)) {
        if (!is_entry(file.path().filename().string())) continue;
        const Entry entry{file.path(), file.last_write_time(gone), file.file_size(gone)};
        if (!gone) entries.push_back(entry);
        held += gone ? 0 : entry.bytes;
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
    const auto oldest = fs::file_time_type::clock::now() - longest_unused;
    for (const Entry& entry : entries) {
        if (entry.used >= oldest && held + needed <= cache.most_bytes) break;
        fs::remove(entry.path, gone);  // who has it mapped keeps it
        held -= entry.bytes;
    }
}

}  // namespace

LayoutCache default_layout_cache()
{
    const auto value = [](const char* name) {
        const char* text = std::getenv(name);
        return fs::path(text ? text : "");
    };
    if (const auto cache = value("XDG_CACHE_HOME"); !cache.empty()) return {cache / "bitwright/layouts"};
    if (const auto home = value("HOME"); !home.empty()) return {home / ".cache/bitwright/layouts"};
    return {};
}

std::shared_ptr<const Package> laid_out_from_cache(std::shared_ptr<const Package> package, WeightLayout layout, const LayoutCache& cache)
{
    const bool in_rows = package->metadata("layout") == name_of(WeightLayout{});
    if (cache.folder.empty() || package->file_size() < cache.least_package || layout.rows == 1 || !in_rows) return package;
    const std::string source = source_of(package->file());
    const auto path = cache.folder / (source.substr(0, name_digits) + "." + name_of(layout) + ".safetensors");
    if (auto entry = open_entry(path, source)) return entry;
    try {
        if (fs::create_directories(cache.folder)) fs::permissions(cache.folder, fs::perms::owner_all);
        make_room(cache, package->file_size());
        write_laid_out(*package, layout, path, Control(), {{source_key, source}});
        if (auto entry = open_entry(path, source)) return entry;
    } catch (const Error&) {
    } catch (const fs::filesystem_error&) {
    }
    return package;  // then in memory
}

}  // namespace bitwright
