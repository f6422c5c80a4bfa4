// SPDX-License-Identifier: GPL-3.0-or-later
// The unigram language model (Kudo 2018, arXiv:1804.10959): of all ways to cut a word into pieces the one with the highest sum of log-probabilities.
#include "core/checkpoint/byte_trie.h"
#include "core/checkpoint/tokenizer_pipeline.h"
#include "core/runtime/utf8.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright {
namespace {

constexpr double unknown_penalty = 10;  ///< below the lowest score, as SentencePiece

class Unigram final : public TokenModel {
public:
    explicit Unigram(const TokenizerField& field) : byte_fallback_(field.flag("byte_fallback", false))
    {
        const TokenizerField vocabulary = field.at("vocab");
        std::vector<std::string> tokens(vocabulary.size());
        std::vector<std::pair<std::string, std::int32_t>> words;
        double lowest = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            const nlohmann::json& entry = vocabulary.json()[i];
            if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
                throw vocabulary.element(i).error("found " + entry.dump() + ", expected [token, log-probability]");
            }
            tokens[i] = entry[0].get<std::string>();
            words.emplace_back(tokens[i], static_cast<std::int32_t>(i));
            scores_.push_back(entry[1].get<double>());
            lowest = std::min(lowest, scores_.back());
        }
        set_vocabulary(std::move(tokens));
        trie_ = ByteTrie(std::move(words));
        unknown_score_ = lowest - unknown_penalty;
        if (const auto unknown = field.find("unk_id")) {
            unknown_ = unknown->id();
            if (static_cast<std::size_t>(unknown_) >= scores_.size()) throw unknown->error(std::to_string(unknown_) + " is outside the vocabulary");
        }
    }

    void encode(const std::vector<Piece>& pieces, std::vector<std::int32_t>& ids) const override
    {
        for (const Piece& piece : pieces) encode_word(piece.text, ids);
    }

private:
    void encode_word(std::string_view word, std::vector<std::int32_t>& ids) const
    {
        struct Node {  // the best way to reach a place
            double score = 0;
            std::size_t from = npos;
            std::int32_t id = -1;
        };
        std::vector<Node> best(word.size() + 1);
        const auto offer = [&](std::size_t from, std::size_t to, double score, std::int32_t id) {
            if (best[to].from == npos || score > best[to].score) best[to] = {score, from, id};
        };
        for (std::size_t at = 0; at < word.size();) {
            const std::size_t character = utf8::length(word[at]);
            bool known = false;
            trie_.prefixes(word.substr(at), [&](std::size_t bytes, std::int32_t id) {
                offer(at, at + bytes, best[at].score + scores_[static_cast<std::size_t>(id)], id);
                known = known || bytes == character;
            });
            if (!known) offer(at, at + character, best[at].score + unknown_score_, unknown_);
            at += character;
        }
        std::vector<Part> parts;  // from the end to the start; unknown characters side by side become one
        for (std::size_t end = word.size(); end > 0; end = best[end].from) {
            const bool unknown = best[end].id == unknown_;
            if (unknown && !parts.empty() && parts.back().unknown)
                parts.back().begin = best[end].from;
            else
                parts.push_back({best[end].from, end, unknown});
        }
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
            const std::string_view text = word.substr(part->begin, part->end - part->begin);
            if (const std::int32_t id = id_of(text); id >= 0) {
                ids.push_back(id);
            } else if (!(byte_fallback_ && append_bytes(text, ids))) {
                if (unknown_ < 0)
                    throw bad_input("", "", "the text holds \"" + std::string(text) + "\", for which the tokenizer has neither a token nor an unknown token");
                ids.push_back(unknown_);
            }
        }
    }

    struct Part {
        std::size_t begin, end;
        bool unknown;
    };
    static constexpr std::size_t npos = std::string_view::npos;
    bool byte_fallback_;
    double unknown_score_ = 0;
    std::vector<double> scores_;
    ByteTrie trie_;
};

}  // namespace

std::unique_ptr<const TokenModel> read_unigram(const TokenizerField& field) { return std::make_unique<Unigram>(field); }

}  // namespace bitwright
