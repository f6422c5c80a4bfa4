// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/remote_store.h"

#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace bitwright {
namespace {

constexpr std::uint64_t worth_resuming = 8u << 20;
constexpr std::uint64_t reserve = 32u << 20;  ///< a full /data makes a phone ill

struct Content {
    const FileToStore* file = nullptr;
    std::string sha256;
    std::uint64_t size = 0;
};

std::string local_sha256(const std::filesystem::path& path, std::uint64_t& size, const Control& control)
{
    const MappedFile file(path);
    const auto bytes = file.bytes();
    Sha256 hash;
    for (std::size_t at = 0; at < bytes.size(); at += 4u << 20) {
        control.check();
        hash.update(bytes.subspan(at, std::min<std::size_t>(4u << 20, bytes.size() - at)));
    }
    size = bytes.size();
    return hash.hex();
}

bool sound_name(const std::string& name, std::size_t limit)
{
    return !name.empty() && name.size() <= limit && name != "." && name != ".." &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string((bytes + (1u << 20) - 1) >> 20) + " MiB"; }

}  // namespace

RemoteStore::RemoteStore(AdbTarget target, std::string root) : target_(std::move(target)), root_(std::move(root))
{
    static constexpr std::string_view below = "/data/local/tmp/";
    if (!root_.starts_with(below) || root_.size() == below.size() || root_.find("..") != std::string::npos || root_.back() == '/')
        throw usage_error("\"" + printable(root_, 100) + "\" is no folder below " + std::string(below));
}

StoredFolder RemoteStore::store(const std::string& kind, const std::vector<FileToStore>& files, const TransferProgress& progress, const Control& control) const
{
    std::vector<Content> contents;
    StoredFolder stored;
    for (const auto& file : files) {
        // Names become lines of `sha256sum`, too, which escapes some characters.
        if (!sound_name(file.name, 200))
            throw usage_error("\"" + printable(file.name, 100) + "\" cannot be a file's name on the phone; use letters, digits, '-', '_' and '.'");
        Content content{&file, {}, 0};
        content.sha256 = local_sha256(file.local, content.size, control);
        stored.bytes += content.size;
        contents.push_back(std::move(content));
    }
    if (contents.empty()) throw usage_error("there is no file to store on the phone");
    std::ranges::sort(contents, {}, [](const Content& c) { return c.file->name; });
    for (std::size_t i = 1; i < contents.size(); ++i)
        if (contents[i].file->name == contents[i - 1].file->name)
            throw usage_error("two files are both called " + contents[i].file->name + " on the phone; give them different names");
    stored.sha256 = contents.front().sha256;
    if (contents.size() > 1) {
        std::string list;
        for (const auto& content : contents) list += content.sha256 + "  " + content.file->name + "\n";
        stored.sha256 = sha256_hex(list);
    }
    stored.path = root_ + "/" + kind + "/" + stored.sha256.substr(0, 12);

    const auto complete = [&] {
        return std::ranges::all_of(contents, [&](const Content& content) {
            const auto there = stat_remote(target_, stored.path + "/" + content.file->name, control);
            return there && there->is_file() && there->size == content.size;
        });
    };
    if (complete()) {
        if (progress) progress(stored.bytes, stored.bytes);
        return stored;
    }

    const auto part = stored.path + ".part";
    (void)shell_output(target_, "mkdir -p " + shell_quoted(part), control);
    std::uint64_t arrived = 0;
    for (const auto& content : contents)
        if (const auto there = stat_remote(target_, part + "/" + content.file->name, control); there && there->is_file())
            arrived += std::min(there->size, content.size);
    if (const auto room = free_bytes(control); room < stored.bytes - arrived + reserve)
        throw AdbError(AdbFault::no_space, printable(target_.serial, 100) + ": " + root_ + ": " + mebibytes(stored.bytes - arrived) + " are to be stored and " +
                                               mebibytes(room) + " are free there (" + mebibytes(reserve) +
                                               " stay free); free some space on the phone, or remove what Bitwright stored on it");

    std::uint64_t done = 0;
    for (const auto& content : contents) {
        const auto remote = part + "/" + content.file->name;
        const auto report = [&](std::uint64_t of_file, std::uint64_t) {
            // The whole is reached only after the check below.
            if (progress) progress(std::min(done + of_file, stored.bytes - (stored.bytes > 0 ? 1 : 0)), stored.bytes);
        };
        for (int attempt = 0;; ++attempt) {
            if (content.size >= worth_resuming) {
                stored.sent += content.size - append_file(target_, content.file->local, remote, report, control);
            } else {
                push_file(target_, content.file->local, remote, content.file->mode, report, control);
                stored.sent += content.size;
            }
            if (remote_sha256(target_, remote, std::nullopt, control) == content.sha256) break;
            (void)shell_output(target_, "rm -f " + shell_quoted(remote), control);
            if (attempt == 1)
                throw AdbError(AdbFault::corrupted, printable(target_.serial, 100) + ": " + remote +
                                                        ": arrived twice with other bytes than were sent; try another cable, and check the phone's storage");
        }
        done += content.size;
    }
    std::string script;
    for (const auto& content : contents) {
        std::array<char, 8> mode{};
        std::snprintf(mode.data(), mode.size(), "%o", content.file->mode & 0777);
        script += shell_command({"chmod", mode.data(), part + "/" + content.file->name}) + " && ";
    }
    (void)shell_output(target_, script + shell_command({"rm", "-rf", stored.path}) + " && " + shell_command({"mv", part, stored.path}), control);
    if (progress) progress(stored.bytes, stored.bytes);
    return stored;
}

std::string RemoteStore::run_folder(const std::string& id) const
{
    if (!sound_name(id, 64)) throw usage_error("\"" + printable(id, 64) + "\" cannot be the id of a run; use letters, digits, '-', '_' and '.'");
    return root_ + "/runs/" + id;
}

std::string RemoteStore::make_run(const std::string& id, const Control& control) const
{
    auto folder = run_folder(id);
    (void)shell_output(target_, "mkdir -p " + shell_quoted(folder), control);
    return folder;
}

void RemoteStore::remove_run(const std::string& id, const Control& control) const
{
    (void)shell_output(target_, "rm -rf " + shell_quoted(run_folder(id)), control);
}

std::vector<std::string> RemoteStore::runs(const Control& control) const
{
    std::vector<std::string> ids;
    const auto printed = shell_output(target_, "ls " + shell_quoted(root_ + "/runs") + " 2>/dev/null; exit 0", control);
    for (const auto line : lines_of(printed, 10'000))
        if (sound_name(std::string(line), 64)) ids.emplace_back(line);
    return ids;
}

std::uint64_t RemoteStore::free_bytes(const Control& control) const
{
    const auto printed = shell_output(target_, "df -k /data/local/tmp", control);
    const auto bytes = df_free_bytes(printed);
    if (!bytes)
        throw AdbError(AdbFault::refused,
                       printable(target_.serial, 100) + ": the phone does not say how much space is free, its df prints \"" + printable(printed) + "\"");
    return static_cast<std::uint64_t>(*bytes);
}

std::uint64_t RemoteStore::used_bytes(const Control& control) const
{
    const auto printed = shell_output(target_, "du -sk " + shell_quoted(root_) + " 2>/dev/null; exit 0", control);
    const auto words = words_of(std::string_view(printed).substr(0, printed.find('\n')));
    const auto kib = words.empty() ? std::nullopt : whole_number(words[0]);
    return kib && *kib > 0 ? static_cast<std::uint64_t>(*kib) * 1024 : 0;
}

void RemoteStore::remove_everything(const Control& control) const
{
    for (const auto& id : runs(control)) (void)end_detached(target_, run_folder(id), control);
    (void)shell_output(target_, "rm -rf " + shell_quoted(root_), control);
}

}  // namespace bitwright
