// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/token_windows.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "core/runtime/random.h"
#include "core/runtime/safetensors.h"
#include "core/runtime/utf8.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr double most_unknown = 0.5;  ///< share of ids: beyond it a text says nothing about a model that reads it

/// Refuses a text whose words the tokenizer does not know: everything measured on it would be the unknown token's.
void require_known(const fs::path& text, const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids)
{
    const auto unknown = tokenizer.unknown_id() < 0 ? 0 : std::count(ids.begin(), ids.end(), tokenizer.unknown_id());
    if (static_cast<double>(unknown) <= most_unknown * static_cast<double>(ids.size())) return;
    throw bad_input(text.string(), "",
                    std::to_string(unknown) + " of its " + std::to_string(ids.size()) + " tokens are unknown to the model's tokenizer; take a text in a language the model was made for");
}

void require_window(const fs::path& text, std::size_t ids, std::int64_t length)
{
    if (length < 1) throw usage_error("a window needs a length of at least 1 token, not " + std::to_string(length));
    if (static_cast<std::int64_t>(ids) >= length) return;
    throw bad_input(text.string(), "",
                    "has " + std::to_string(ids) + " tokens, fewer than one window of " + std::to_string(length) + "; take a longer text or a shorter length");
}

void require_share(double held_out)
{
    if (!(held_out >= 0 && held_out <= 0.5)) throw usage_error("the share of windows held out lies between 0 and 0.5 (half of the text)");
}

std::int64_t held_out_windows(std::int64_t samples, double share) { return std::max<std::int64_t>(1, std::llround(static_cast<double>(samples) * share)); }

TokenWindows draw(std::span<const std::int32_t> stream, std::int64_t samples, std::int64_t length, Random& random)
{
    TokenWindows windows{samples, length, {}, {}};
    windows.ids.reserve(static_cast<std::size_t>(samples * length));
    for (std::int64_t i = 0; i < samples; ++i) {
        const auto start = static_cast<std::ptrdiff_t>(random.below(stream.size() - static_cast<std::size_t>(length) + 1));
        windows.ids.insert(windows.ids.end(), stream.begin() + start, stream.begin() + start + length);
    }
    return windows;
}

}  // namespace

std::string TokenWindows::hash() const
{
    const std::array<std::int64_t, 2> shape{count, length};
    return Sha256().update(std::as_bytes(std::span(shape))).update(std::as_bytes(std::span(ids))).hex();
}

std::string read_utf8(const fs::path& path)
{
    std::string text = read_text(path);
    if (const std::size_t wrong = utf8::first_invalid(text); wrong != std::string::npos) {
        throw bad_input(path.string(), "", "not UTF-8 at byte " + std::to_string(wrong) + "; convert it first");
    }
    return text;
}

TokenWindows sample_windows(const Tokenizer& tokenizer, const fs::path& text, std::int64_t samples, std::int64_t length, std::uint64_t seed,
                            const std::string& special)
{
    return sample_apart(tokenizer, text, samples, length, seed, special, 0).observed;
}

WindowSplit sample_apart(const Tokenizer& tokenizer, const fs::path& text, std::int64_t samples, std::int64_t length, std::uint64_t seed, const std::string& special,
                         double held_out_share)
{
    if (special != "none" && special != "auto") throw usage_error("special tokens: \"" + special + "\" is neither none nor auto");
    if (samples < 1) throw usage_error("at least 1 sample is needed, not " + std::to_string(samples));
    require_share(held_out_share);
    const std::vector<std::int32_t> stream = tokenizer.encode(read_utf8(text), special == "auto");
    require_known(text, tokenizer, stream);
    const auto kept_back = static_cast<std::size_t>(std::llround(static_cast<double>(stream.size()) * held_out_share));
    const std::span all(stream);
    require_window(text, all.size() - kept_back, length);
    if (samples > std::numeric_limits<std::int32_t>::max() / length)
        throw usage_error(std::to_string(samples) + " windows of " + std::to_string(length) + " tokens are too many");
    Random random(seed);
    const auto origin = [&](std::int64_t count) {
        return text.filename().string() + ", " + std::to_string(count) + " × " + std::to_string(length) + ", seed " + std::to_string(seed);
    };
    WindowSplit split{draw(all.first(all.size() - kept_back), samples, length, random), {}};
    split.observed.origin = origin(samples);
    if (held_out_share > 0) {
        if (kept_back < static_cast<std::size_t>(length))
            throw bad_input(text.string(), "",
                            "the share held out has " + std::to_string(kept_back) + " tokens, fewer than one window of " + std::to_string(length) +
                                "; take a longer text, a larger share or a shorter length");
        const auto count = held_out_windows(samples, held_out_share);
        split.held_out = draw(all.last(kept_back), count, length, random);
        split.held_out->origin = origin(count) + ", held out";
    }
    return split;
}

WindowSplit hold_out_last(TokenWindows windows, double held_out_share)
{
    require_share(held_out_share);
    if (held_out_share == 0) return {std::move(windows), {}};
    const auto count = held_out_windows(windows.count, held_out_share);
    if (count >= windows.count)
        throw usage_error(std::to_string(windows.count) + " windows are too few to hold one out; take more windows or no held-out share");
    const auto observed = windows.count - count;
    const auto border = windows.ids.begin() + observed * windows.length;
    TokenWindows held_out{count, windows.length, {border, windows.ids.end()}, windows.origin + ", the last " + std::to_string(count) + ", held out"};
    windows.ids.erase(border, windows.ids.end());
    windows.count = observed;
    windows.origin += ", the first " + std::to_string(observed);
    return {std::move(windows), std::move(held_out)};
}

TokenWindows load_windows(const std::string& reference, std::int64_t vocabulary)
{
    const std::size_t colon = reference.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == reference.size()) throw usage_error("\"" + reference + "\" is not FILE.safetensors:TENSOR");
    const std::string path = reference.substr(0, colon), name = reference.substr(colon + 1);
    const SafetensorsFile file(path);
    const TensorView tensor = file.tensor(name);
    if (tensor.shape.size() != 2 || tensor.shape[0] < 1 || tensor.shape[1] < 1) {
        throw bad_input(path, name, "has the shape " + to_string(tensor.shape) + "; token windows are integers [windows, length]");
    }
    std::vector<std::int64_t> values;
    try {
        values = to_int64(tensor);
    } catch (const Error&) {
        throw bad_input(path, name, "is of type " + std::string(name_of(tensor.dtype)) + "; token ids are integers");
    }
    TokenWindows windows{tensor.shape[0], tensor.shape[1], {}, fs::path(path).filename().string() + ":" + name};
    windows.ids.reserve(values.size());
    for (const std::int64_t id : values) {
        if (id < 0 || id >= vocabulary) {
            const auto at = static_cast<std::int64_t>(windows.ids.size());
            throw bad_input(path, name,
                            "window " + std::to_string(at / windows.length) + ", position " + std::to_string(at % windows.length) + " holds the id " +
                                std::to_string(id) + "; the model knows 0 to " + std::to_string(vocabulary - 1));
        }
        windows.ids.push_back(static_cast<std::int32_t>(id));
    }
    return windows;
}

TokenWindows stream_windows(const Tokenizer& tokenizer, const fs::path& text, std::int64_t length, std::int32_t bos)
{
    std::vector<std::int32_t> stream = tokenizer.encode(read_utf8(text), false);
    require_known(text, tokenizer, stream);
    if (bos >= 0) stream.insert(stream.begin(), bos);
    require_window(text, stream.size(), length);
    const std::int64_t count = static_cast<std::int64_t>(stream.size()) / length;
    stream.resize(static_cast<std::size_t>(count * length));
    return {count, length, std::move(stream), text.filename().string() + ", " + std::to_string(count) + " × " + std::to_string(length) + ", in order"};
}

}  // namespace bitwright
