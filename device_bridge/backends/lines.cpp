// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/lines.h"

namespace bitwright::backends {

void RawText::append(std::string_view bytes)
{
    total_ += bytes.size();
    const auto first = std::min(part - head_.size(), bytes.size());
    head_.append(bytes.substr(0, first));
    bytes.remove_prefix(first);
    if (bytes.size() > part) {
        tail_.clear();
        bytes.remove_prefix(bytes.size() - part);
    }
    tail_.append(bytes);
    if (tail_.size() > 2 * part) tail_.erase(0, tail_.size() - part);
}

std::string RawText::text() const
{
    const auto kept = std::min(tail_.size(), part);
    const auto cut = total_ - head_.size() - kept;
    if (cut == 0) return head_ + tail_;
    return head_ + "\n[… " + std::to_string(cut) + " bytes left out …]\n" + tail_.substr(tail_.size() - kept);
}

std::optional<std::string> JsonObjects::line(std::string_view text)
{
    std::optional<std::string> found;
    if (text.starts_with('{')) object_.clear(), depth_ = 0, quoted_ = escaped_ = false;
    if (depth_ == 0) {  // only a line that can begin an object or an array of them
        const auto first = text.find_first_not_of(" \t[,");
        if (first == std::string_view::npos || text[first] != '{') return found;
    }
    for (const char c : text) {
        if (depth_ > 0) object_ += c;
        if (quoted_) {
            if (escaped_) escaped_ = false;
            else if (c == '\\') escaped_ = true;
            else if (c == '"') quoted_ = false;
        } else if (c == '"') {
            quoted_ = depth_ > 0;
        } else if (c == '{' || c == '[') {
            if (depth_ == 0 && c == '[') continue;
            if (depth_++ == 0) object_ = "{";
        } else if ((c == '}' || c == ']') && depth_ > 0 && --depth_ == 0) {
            found = std::move(object_);
            object_.clear();
        }
    }
    if (depth_ > 0) object_ += '\n';
    if (object_.size() > largest) object_.clear(), depth_ = 0, quoted_ = escaped_ = false;
    return found;
}

}  // namespace bitwright::backends
