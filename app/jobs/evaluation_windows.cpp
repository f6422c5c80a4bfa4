// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/evaluation_windows.h"

#include "core/runtime/error.h"
#include "core/runtime/utf8.h"

#include <algorithm>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

std::string count_in_words(std::int64_t length) { return "windows of " + std::to_string(length); }

}  // namespace

void ScoringWindows::limit(std::int64_t count)
{
    if (count < 1) throw usage_error("--windows " + std::to_string(count) + ": at least 1 window is needed");
    if (count >= windows.count) return;
    windows.count = count;
    windows.ids.resize(static_cast<std::size_t>(count * windows.length));
    if (!first_scored.empty()) first_scored.resize(static_cast<std::size_t>(count));
    whole_text = false;
    windows.origin += ", the first " + std::to_string(count);
}

ScoringWindows stream_scoring(const Tokenizer& tokenizer, const fs::path& text, std::int64_t length, Bos bos, std::int32_t bos_id)
{
    if (bos == Bos::stream && bos_id < 0) throw bad_input(text.string(), "--bos stream", "the model names no BOS token; leave --bos out");
    ScoringWindows scoring;
    scoring.windows = stream_windows(tokenizer, text, length, bos == Bos::stream ? bos_id : -1);
    scoring.definition =
        std::string("stream, ") + (bos == Bos::stream ? "one BOS before it" : "no BOS") + ", " + count_in_words(length) + ", all but the first token of each";
    scoring.text = text;
    scoring.words = count_words(read_utf8(text));
    return scoring;
}

ScoringWindows rolling_scoring(const Tokenizer& tokenizer, const fs::path& text, std::int64_t length, std::int32_t bos_id)
{
    if (length < 1) throw usage_error("--length " + std::to_string(length) + ": at least 1 token is needed");
    if (bos_id < 0) throw bad_input(text.string(), "--rolling", "the model names no BOS token to begin with; score without --rolling");
    const auto content = read_utf8(text);
    auto stream = tokenizer.encode(content, false);
    if (stream.empty()) throw bad_input(text.string(), "", "has no tokens; take a longer text");
    stream.insert(stream.begin(), bos_id);
    const auto ids = static_cast<std::int64_t>(stream.size()) - 1;  // to score
    const auto span = std::min(length, ids);
    ScoringWindows scoring;
    auto& windows = scoring.windows;
    windows.length = span + 1;  // the last id is scored, never read
    for (std::int64_t scored = 0; scored < ids; scored += span) {
        const auto count = std::min(span, ids - scored);
        const auto end = stream.begin() + scored + count + 1;
        windows.ids.insert(windows.ids.end(), end - windows.length, end);
        scoring.first_scored.push_back(windows.length - count);
        ++windows.count;
    }
    windows.origin = text.filename().string() + ", rolling, length " + std::to_string(length);
    scoring.definition = "rolling as lm-eval, BOS first, length " + std::to_string(length) + ", every token once";
    scoring.text = text;
    scoring.words = count_words(content);
    scoring.whole_text = true;
    return scoring;
}

ScoringWindows given_scoring(const std::string& reference, std::int64_t vocabulary)
{
    ScoringWindows scoring;
    scoring.windows = load_windows(reference, vocabulary);
    scoring.definition = "given ids, " + count_in_words(scoring.windows.length) + ", all but the first token of each";
    return scoring;
}

std::int64_t count_words(std::string_view text)
{
    std::int64_t words = 1;
    bool in_space = false;
    for (std::size_t position = 0; position < text.size();) {
        const auto point = utf8::next(text, position);
        const bool space = utf8::is_space(point) || (point >= 0x1c && point <= 0x1f);  // Python counts the four information separators too
        if (space && !in_space) ++words;
        in_space = space;
    }
    return words;
}

}  // namespace bitwright
