// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/adb_error.h"

#include "core/runtime/utf8.h"

#include <string>

namespace bitwright {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

std::string printable(std::string_view text, std::size_t limit)
{
    std::string out;
    const bool cut = text.size() > limit;
    for (const char c : utf8::lossy(text.substr(0, limit))) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return cut ? out + " …" : out;
}

AdbError server_refusal(std::string_view who, std::string_view words)
{
    const std::string phone = printable(who, 100);
    if (has(words, "insufficient permissions") || has(words, "no permissions"))
        return {AdbFault::no_permission, phone +
                                             ": this computer may not open the phone's USB port; install the udev rules (sudo apt install "
                                             "android-sdk-platform-tools-common), then unplug the phone and plug it in again"};
    if (has(words, "unauthorized") || has(words, "authorizing"))
        return {AdbFault::unauthorized, phone + ": the phone has not allowed this computer yet; unlock it and accept the dialog \"Allow USB debugging?\""};
    if (has(words, "offline") || has(words, "still connecting"))
        return {AdbFault::offline, phone + ": the phone is connected and does not answer (offline); wait a few seconds, or unplug it and plug it in again"};
    if (has(words, "more than one device")) return {AdbFault::refused, phone + ": several phones answer to this serial number; unplug all but one"};
    if (has(words, "not found") || has(words, "no devices") || has(words, "no device with transport") || has(words, "no emulators"))
        return {AdbFault::no_device, phone + ": the phone is not connected (any more); check the cable and that USB debugging is on"};
    if (has(words, "unknown host service"))
        return {AdbFault::unsupported, "the adb server on this computer does not know this request; install newer Android platform tools"};
    if (words == "closed")
        return {AdbFault::unsupported, phone + ": the phone refused to begin; unplug it and plug it in again (Android 7 or newer is needed)"};
    return {AdbFault::refused, (phone.empty() ? "adb" : phone) + ": adb says \"" + printable(words) + "\"; see the phone's screen and try again"};
}

AdbError sync_refusal(std::string_view who, std::string_view what, std::string_view words)
{
    const std::string where = printable(who, 100) + ": " + printable(what, 200);
    if (has(words, "No space left") || has(words, "Disk quota"))
        return {AdbFault::no_space, where + ": the phone's storage is full; free some space there (or remove what Bitwright stored on it) and push again"};
    if (has(words, "Permission denied") || has(words, "Operation not permitted"))
        return {AdbFault::denied, where + (has(what, "/data/local/tmp/") ? ": the phone does not let adb's user write here; remove what lies there (another user of the phone made it), or restart the phone"
                                                                                : ": the phone does not allow this path; use a folder below /data/local/tmp")};
    if (has(words, "Read-only file system"))
        return {AdbFault::denied, where + ": this part of the phone cannot be written; use a folder below /data/local/tmp"};
    if (has(words, "No such file")) return {AdbFault::not_found, where + ": there is no such file or folder on the phone; push it again"};
    if (has(words, "Is a directory")) return {AdbFault::refused, where + ": is a folder on the phone; choose another name"};
    if (has(words, "File too large"))
        return {AdbFault::refused, where + ": is larger than this file system of the phone allows; use a folder below /data/local/tmp"};
    return {AdbFault::refused, where + ": the phone says \"" + printable(words) + "\"; check the path and try again"};
}

}  // namespace bitwright
