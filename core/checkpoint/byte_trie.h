// SPDX-License-Identifier: GPL-3.0-or-later
// All words of a fixed set that begin at a place of a text, shortest first.
// Threading: immutable after construction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitwright {

class ByteTrie {
public:
    ByteTrie() = default;
    /// @param words with their values (≥ 0); empty words are left out, of equal words the last counts.
    explicit ByteTrie(std::vector<std::pair<std::string, std::int32_t>> words);

    /// Calls found(length in bytes, value) for every word that `text` begins with.
    template <typename Found>
    void prefixes(std::string_view text, Found&& found) const
    {
        std::uint32_t node = 0;
        for (std::size_t i = 0; i < text.size() && !nodes_.empty(); ++i) {
            node = child(node, static_cast<unsigned char>(text[i]));
            if (node == 0) return;
            if (nodes_[node].value >= 0) found(i + 1, nodes_[node].value);
        }
    }

private:
    struct Node {
        std::uint32_t first = 0;  ///< children lie side by side, ascending by byte
        std::uint16_t count = 0;
        std::uint8_t byte = 0;  ///< on the edge that leads here
        std::int32_t value = -1;
    };
    [[nodiscard]] std::uint32_t child(std::uint32_t node, unsigned char byte) const noexcept;
    std::vector<Node> nodes_;
    std::vector<std::uint32_t> root_;  ///< child of the root per byte
};

}  // namespace bitwright
