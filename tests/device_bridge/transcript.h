// SPDX-License-Identifier: GPL-3.0-or-later
// Recorded output of a tool, fed to a back end in one piece or many.
#pragma once

#include "device_bridge/backends/backend.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

namespace bitwright::backends::test {

struct Piece {
    Stream stream = Stream::output;
    std::string text;
};
struct Transcript {
    std::string backend;
    Accelerator accelerator = Accelerator::cpu;
    std::vector<Piece> pieces;
    std::optional<int> exit = 0;
};

/// Everything of a result as text, so that two can be compared.
inline std::string described(const Result& result)
{
    std::string text = result.error + "|" + result.version + "|" + result.output_hash + "|" + result.text + "|" + std::string(to_string(result.offload.state)) + "|" +
                       result.offload.device + "|" + result.offload.evidence + "|" + std::to_string(result.offload.done.value_or(-1)) + "/" +
                       std::to_string(result.offload.total.value_or(-1)) + "|" + std::to_string(result.prompt_tokens.value_or(-1)) + "|" +
                       std::to_string(result.generated_tokens.value_or(-1)) + "\n";
    for (const auto& quantity : result.quantities) {
        text += quantity.name + " [" + quantity.unit + "]";
        for (const double sample : quantity.samples) text += " " + std::to_string(sample);
        if (quantity.summary) {
            text += " summary " + std::to_string(quantity.summary->count);
            for (const auto& value : {quantity.summary->mean, quantity.summary->deviation, quantity.summary->minimum, quantity.summary->maximum, quantity.summary->median,
                                      quantity.summary->p90, quantity.summary->p95, quantity.summary->p99})
                text += " " + (value ? std::to_string(*value) : std::string("-"));
        }
        text += "\n";
    }
    for (const auto& warning : result.warnings) text += "! " + warning + "\n";
    return text + result.raw_output + "\x01" + result.raw_error + "\x01" + result.raw_file;
}

inline Result read(const Transcript& transcript)
{
    const auto backend = make_backend(transcript.backend);
    backend->expect(transcript.accelerator);
    for (const auto& piece : transcript.pieces) backend->feed(piece.stream, piece.text);
    return backend->finish(transcript.exit);
}

/// read(), and a failure unless the same text in other pieces gives the same result: byte by byte, and cut at random places.
inline Result read_any_way(const Transcript& transcript)
{
    const auto whole = read(transcript);
    std::mt19937_64 random(7);
    for (const std::size_t most : {std::size_t{1}, std::size_t{5}, std::size_t{64}, std::size_t{4096}}) {
        const auto backend = make_backend(transcript.backend);
        backend->expect(transcript.accelerator);
        for (const auto& piece : transcript.pieces)
            for (std::size_t at = 0; at < piece.text.size();) {
                const auto size = std::min<std::size_t>(1 + random() % most, piece.text.size() - at);
                backend->feed(piece.stream, std::string_view(piece.text).substr(at, size));
                at += size;
            }
        EXPECT_EQ(described(backend->finish(transcript.exit)), described(whole)) << "in pieces of at most " << most << " bytes";
    }
    return whole;
}

inline bool any_contains(const std::vector<std::string>& all, std::string_view part)
{
    for (const auto& text : all)
        if (text.find(part) != std::string::npos) return true;
    return false;
}

}  // namespace bitwright::backends::test
