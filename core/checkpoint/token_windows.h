// SPDX-License-Identifier: GPL-3.0-or-later
// Token windows: what calibration, optimization and evaluation read. Cut from a text as one stream, or taken as they are from a file of ids.
// Threading: plain values.
#pragma once

#include "core/checkpoint/tokenizer.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

/// Windows of equal length, in order of use. `hash` is SHA-256 over shape and ids (int32): the key of everything measured on them.
struct TokenWindows {
    std::int64_t count = 0, length = 0;
    std::vector<std::int32_t> ids;  ///< count × length
    std::string origin;             ///< for people: "calibration.txt, 32 × 512, seed 7"
    [[nodiscard]] const std::int32_t* window(std::int64_t i) const noexcept { return ids.data() + i * length; }
    [[nodiscard]] std::string hash() const;
};

/// Windows to observe, and some kept back for checks: windows of the same length that share no token of the text with the observed ones.
struct WindowSplit {
    TokenWindows observed;
    std::optional<TokenWindows> held_out;  ///< absent where nothing is kept back
};

/// Ids of any length, of which those from `first_scored` on are scored, each from what stands before it.
struct TokenSequence {
    std::vector<std::int32_t> ids;
    std::int64_t first_scored = 1;
};

/// A text file as it is. Throws Error (bad_input) with the byte position when it is not UTF-8.
[[nodiscard]] std::string read_utf8(const std::filesystem::path& path);
/// `samples` random windows over the text encoded as one stream; start = uniform in [0, n − length], from `seed` (our own generator, the same everywhere).
/// `special`: "none", or "auto" = the tokenizer's own special tokens around the stream. Throws Error (bad_input) when the text is shorter than a window
/// or not UTF-8.
[[nodiscard]] TokenWindows sample_windows(const Tokenizer& tokenizer, const std::filesystem::path& text, std::int64_t samples, std::int64_t length,
                                          std::uint64_t seed, const std::string& special);
/// The same with the last `held_out_share` [0, 0.5] of the stream kept back: `samples` windows before it, samples × share (rounded, at least one) within it.
/// Share 0 is sample_windows(). Throws as that does, for either part.
[[nodiscard]] WindowSplit sample_apart(const Tokenizer& tokenizer, const std::filesystem::path& text, std::int64_t samples, std::int64_t length,
                                       std::uint64_t seed, const std::string& special, double held_out_share);
/// The last of the windows kept back: count × share, rounded, at least one unless the share is 0. Throws Error (usage) when none would be left.
[[nodiscard]] WindowSplit hold_out_last(TokenWindows windows, double held_out_share);
/// "FILE.safetensors:TENSOR", integers [windows, length]. Throws Error (bad_input) when an id is outside [0, vocabulary).
[[nodiscard]] TokenWindows load_windows(const std::string& reference, std::int64_t vocabulary);
/// Non-overlapping windows of a text's stream in order; the rest is dropped (golden/evaluation). `bos` ≥ 0 puts it once before the stream.
[[nodiscard]] TokenWindows stream_windows(const Tokenizer& tokenizer, const std::filesystem::path& text, std::int64_t length, std::int32_t bos = -1);

}  // namespace bitwright
