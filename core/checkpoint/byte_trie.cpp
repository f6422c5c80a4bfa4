// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/byte_trie.h"

#include <algorithm>

namespace bitwright {

ByteTrie::ByteTrie(std::vector<std::pair<std::string, std::int32_t>> words)
{
    std::erase_if(words, [](const auto& word) { return word.first.empty(); });
    std::stable_sort(words.begin(), words.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

    struct Pending {
        std::size_t begin, end, depth;  ///< words[begin, end) share the first `depth` bytes, which lead to node number = position in the queue
    };
    std::vector<Pending> queue{{0, words.size(), 0}};
    nodes_.emplace_back();
    for (std::size_t n = 0; n < queue.size(); ++n) {  // breadth first, so that children lie side by side
        auto [begin, end, depth] = queue[n];
        for (; begin < end && words[begin].first.size() == depth; ++begin) nodes_[n].value = words[begin].second;
        nodes_[n].first = static_cast<std::uint32_t>(nodes_.size());
        while (begin < end) {
            const char byte = words[begin].first[depth];
            std::size_t stop = begin;
            while (stop < end && words[stop].first[depth] == byte) ++stop;
            Node node;
            node.byte = static_cast<std::uint8_t>(byte);
            nodes_.push_back(node);
            ++nodes_[n].count;
            queue.push_back({begin, stop, depth + 1});
            begin = stop;
        }
    }
    root_.assign(256, 0);
    for (std::uint32_t i = 0; i < nodes_[0].count; ++i) root_[nodes_[nodes_[0].first + i].byte] = nodes_[0].first + i;
}

std::uint32_t ByteTrie::child(std::uint32_t node, unsigned char byte) const noexcept
{
    if (node == 0) return root_[byte];
    const auto begin = nodes_.begin() + nodes_[node].first;
    const auto end = begin + nodes_[node].count;
    const auto found = std::lower_bound(begin, end, byte, [](const Node& a, unsigned char b) { return a.byte < b; });
    return found != end && found->byte == byte ? static_cast<std::uint32_t>(found - nodes_.begin()) : 0;
}

}  // namespace bitwright
