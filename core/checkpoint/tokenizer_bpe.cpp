// SPDX-License-Identifier: GPL-3.0-or-later
// Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909): of all neighbouring pairs the one with the lowest rank is merged, leftmost first.
// A word is a linked list of symbols, its pairs lie in a heap: n log n, because some tokenizers make one word of a whole text.
#include "core/checkpoint/tokenizer_pipeline.h"
#include "core/runtime/utf8.h"

#include <algorithm>
#include <queue>

namespace bitwright {
namespace {

struct Merge {
    std::int32_t rank, id;  ///< id of the merged token
};

/// Line (from 1) of element `wanted` of the array "merges" in the file. Only called to report an error.
std::size_t line_of_merge(std::string_view document, std::size_t wanted)
{
    std::size_t line = 1, element = 0;
    int depth = 0;  // within the array; 0: not in it
    std::string_view last;
    for (std::size_t i = 0; i < document.size(); ++i) {
        const char c = document[i];
        if (depth == 1 && element == wanted && (c == '"' || c == '[')) return line;
        if (c == '\n') {
            ++line;
        } else if (c == '"') {
            const std::size_t begin = ++i;
            for (; i < document.size() && document[i] != '"'; ++i) i += document[i] == '\\';
            last = document.substr(begin, i - begin);
        } else if (c == '[') {
            if (depth > 0 || last == "merges") ++depth;
        } else if (c == ']' && depth > 0) {
            if (--depth == 0) last = {};
        } else if (c == ',' && depth == 1) {
            ++element;
        } else if (c == '}' || c == ',') {
            last = {};
        }
    }
    return line;
}

class Bpe final : public TokenModel {
public:
    Bpe(const TokenizerField& field, std::string_view document)
        : prefix_(field.text("continuing_subword_prefix", "")),
          suffix_(field.text("end_of_word_suffix", "")),
          fuse_unknown_(field.flag("fuse_unk", false)),
          byte_fallback_(field.flag("byte_fallback", false)),
          ignore_merges_(field.flag("ignore_merges", false))
    {
        read_vocabulary(field.at("vocab"));
        read_merges(field.at("merges"), document);
        if (const auto unknown = field.find("unk_token")) {
            unknown_ = id_of(unknown->text());
            if (unknown_ < 0) throw unknown->error("\"" + unknown->text() + "\" is not in the vocabulary");
        }
    }

    void encode(const std::vector<Piece>& pieces, std::vector<std::int32_t>& ids) const override
    {
        std::unordered_map<std::string_view, std::pair<std::size_t, std::size_t>> seen;  // word → where its ids lie
        for (const Piece& piece : pieces) {
            const auto known = seen.find(piece.text);
            const std::size_t begin = ids.size();
            if (known != seen.end()) {
                const auto [first, count] = known->second;
                ids.resize(begin + count);
                std::copy_n(ids.begin() + static_cast<std::ptrdiff_t>(first), count, ids.begin() + static_cast<std::ptrdiff_t>(begin));
                continue;
            }
            encode_word(piece.text, ids);
            if (piece.text.size() < 64) seen.emplace(piece.text, std::pair(begin, ids.size() - begin));
        }
    }

private:
    void read_vocabulary(const TokenizerField& vocabulary)
    {
        if (!vocabulary.json().is_object()) throw vocabulary.error("expected an object of token: id");
        const auto limit = static_cast<std::int32_t>(
            std::min<std::size_t>(vocabulary.json().size() * 8 + 65536, 0x7FFFFFFE));  // holes are allowed, a gigabyte of them is a mistake
        std::vector<std::string> tokens(vocabulary.json().size());
        for (const auto& [token, id] : vocabulary.json().items()) {
            if (!id.is_number_integer() || id < 0 || id > limit)
                throw vocabulary.error("token \"" + token + "\" has the id " + id.dump() + ", which is no sensible token id");
            const auto index = id.get<std::size_t>();
            if (index >= tokens.size()) tokens.resize(index + 1);
            tokens[index] = token;
        }
        set_vocabulary(std::move(tokens));
    }

    void read_merges(const TokenizerField& merges, std::string_view document)
    {
        const std::size_t count = merges.size();
        merges_.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            const nlohmann::json& merge = merges.json()[i];
            const auto wrong = [&](const std::string& what) {
                return merges.element(i).error("the merge " + merge.dump() + " (line " + std::to_string(line_of_merge(document, i)) + " of the file) " + what);
            };
            std::string left, right;
            if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
                left = merge[0].get<std::string>();
                right = merge[1].get<std::string>();
            } else if (merge.is_string()) {
                const auto& text = merge.get_ref<const std::string&>();
                const std::size_t space = text.find(' ');
                if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) throw wrong("is not two tokens with one space between them");
                left = text.substr(0, space);
                right = text.substr(space + 1);
            } else {
                throw wrong("is neither two strings nor one with a space between two tokens");
            }
            const auto id = [&](const std::string& token) {
                const std::int32_t known = id_of(token);
                if (known < 0) throw wrong("names \"" + token + "\", which is not in the vocabulary");
                return known;
            };
            const std::string joined = left + (right.starts_with(prefix_) ? right.substr(prefix_.size()) : right);
            const std::int32_t first = id(left), second = id(right);
            merges_[key(first, second)] = {static_cast<std::int32_t>(i), id(joined)};
        }
    }

    static std::uint64_t key(std::int32_t left, std::int32_t right) noexcept
    {
        return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
    }

    /// Appends the ids of the characters of `word` before any merge.
    void characters(std::string_view word, std::vector<std::int32_t>& ids) const
    {
        bool unknown_open = false;  // an unknown token that is not yet written: following ones may be fused into it
        std::string affixed;
        for (std::size_t at = 0; at < word.size();) {
            const std::size_t begin = at;
            at += utf8::length(word[at]);
            const std::string_view character = word.substr(begin, at - begin);
            std::string_view spelling = character;
            if ((!prefix_.empty() && begin > 0) || (!suffix_.empty() && at == word.size())) {
                affixed = (begin > 0 ? prefix_ : "") + std::string(character) + (at == word.size() ? suffix_ : "");
                spelling = affixed;
            }
            if (const std::int32_t id = id_of(spelling); id >= 0) {
                if (unknown_open) ids.push_back(unknown_);
                unknown_open = false;
                ids.push_back(id);
            } else if (!(byte_fallback_ && append_bytes(spelling, ids)) && unknown_ >= 0) {
                if (unknown_open && !fuse_unknown_) ids.push_back(unknown_);
                unknown_open = true;
            }
        }
        if (unknown_open) ids.push_back(unknown_);
    }

    void encode_word(std::string_view word, std::vector<std::int32_t>& ids) const
    {
        if (ignore_merges_) {
            if (const std::int32_t whole = id_of(word); whole >= 0) {
                ids.push_back(whole);
                return;
            }
        }
        const std::size_t begin = ids.size();
        characters(word, ids);
        merge(ids, begin);
    }

    /// Merges ids[begin …) in place.
    void merge(std::vector<std::int32_t>& ids, std::size_t begin) const
    {
        struct Symbol {
            std::int32_t id, previous, next;  ///< −1: none; id −1: swallowed by its left neighbour
        };
        struct Candidate {
            std::int32_t rank, position, id;
            bool operator<(const Candidate& other) const noexcept { return rank != other.rank ? rank > other.rank : position > other.position; }
        };
        const std::size_t count = ids.size() - begin;
        if (count < 2) return;
        if (count > 0x7FFFFFFF) throw failure("a single word of more than 2^31 characters cannot be encoded");
        std::vector<Symbol> symbols(count);
        std::vector<Candidate> candidates;
        const auto last = static_cast<std::int32_t>(count) - 1;
        for (std::int32_t i = 0; i <= last; ++i) {
            const std::size_t at = begin + static_cast<std::size_t>(i);
            symbols[static_cast<std::size_t>(i)] = {ids[at], i - 1, i < last ? i + 1 : -1};
            if (i == last) break;
            if (const auto found = merges_.find(key(ids[at], ids[at + 1])); found != merges_.end())
                candidates.push_back({found->second.rank, i, found->second.id});
        }
        std::priority_queue<Candidate> queue(std::less<Candidate>(), std::move(candidates));
        const auto symbol = [&](std::int32_t i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };
        const auto offer = [&](std::int32_t left, std::int32_t right) {
            const auto found = merges_.find(key(symbol(left).id, symbol(right).id));
            if (found != merges_.end()) queue.push({found->second.rank, left, found->second.id});
        };
        while (!queue.empty()) {
            const Candidate top = queue.top();
            queue.pop();
            Symbol& left = symbol(top.position);
            if (left.id < 0 || left.next < 0) continue;
            Symbol& right = symbol(left.next);
            const auto found = merges_.find(key(left.id, right.id));
            if (found == merges_.end() || found->second.id != top.id) continue;  // one of the two has changed since
            left.id = top.id;
            left.next = right.next;
            right.id = -1;
            if (left.next >= 0) symbol(left.next).previous = top.position;
            if (left.previous >= 0) offer(left.previous, top.position);
            if (left.next >= 0) offer(top.position, left.next);
        }
        std::size_t out = begin;
        for (std::int32_t i = 0; i >= 0; i = symbol(i).next) ids[out++] = symbol(i).id;
        ids.resize(out);
    }

    std::string prefix_, suffix_;
    bool fuse_unknown_, byte_fallback_, ignore_merges_;
    std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace

std::unique_ptr<const TokenModel> read_bpe(const TokenizerField& field, std::string_view document) { return std::make_unique<Bpe>(field, document); }

}  // namespace bitwright
