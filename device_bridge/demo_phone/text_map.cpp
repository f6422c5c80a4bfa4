// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/text_map.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bitwright::demo {

std::string with_root(std::string_view line, std::string_view root)
{
    static constexpr std::array<std::string_view, 13> folders{"data", "sdcard", "storage", "system", "vendor", "product", "odm", "apex", "sys", "mnt", "proc/meminfo", "proc/cpuinfo",
                                                                   "proc/sys/kernel/random/boot_id"};
    const auto within_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("_.-/}~$*?])").find(c) != std::string_view::npos; };
    std::string out;
    out.reserve(line.size() + 64);
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '/' && (i == 0 || !within_word(line[i - 1]))) {
            const auto rest = line.substr(i + 1);
            const bool ours = std::ranges::any_of(folders, [&](std::string_view folder) {
                return rest.starts_with(folder) && (rest.size() == folder.size() || !(std::isalnum(static_cast<unsigned char>(rest[folder.size()])) || rest[folder.size()] == '_'));
            });
            if (ours) out += root;
        }
        out += line[i];
    }
    return out;
}

std::string PathHider::operator()(std::string_view piece)
{
    if (root_.empty()) return std::string(piece);
    kept_.append(piece);
    std::string out;
    std::size_t at = 0;
    for (auto found = kept_.find(root_); found != std::string::npos; found = kept_.find(root_, at)) {
        out.append(kept_, at, found - at);
        at = found + root_.size();
    }
    std::size_t partial = std::min(root_.size() - 1, kept_.size() - at);
    while (partial > 0 && !std::string_view(root_).starts_with(std::string_view(kept_).substr(kept_.size() - partial))) --partial;
    out.append(kept_, at, kept_.size() - partial - at);
    kept_.erase(0, kept_.size() - partial);
    return out;
}

std::string PathHider::rest() { return std::exchange(kept_, {}); }

}  // namespace bitwright::demo
