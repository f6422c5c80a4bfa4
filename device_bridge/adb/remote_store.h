// SPDX-License-Identifier: GPL-3.0-or-later
// What Bitwright keeps on a phone: ROOT/{bin/<sha12>,models/<sha12>,runs/<id>}, ROOT = /data/local/tmp/bitwright (the one place where a shell user may
// execute). Folders are named by their content, so what is there is never sent again and never half there: files go to <sha12>.part, resumable, their sizes and
// SHA-256 are checked on the phone, then the folder gets its name in one step. Errors: AdbError (no_space before anything is sent; corrupted), Error
// (bad_input) for a local file; Cancelled leaves the .part for the next attempt. Threading: blocking, for a worker thread; one writer per phone.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/adb/sync.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bitwright {

struct FileToStore {
    std::filesystem::path local;
    std::string name;      ///< in the folder on the phone: no '/', not "." or ".."
    unsigned mode = 0644;  ///< 0755 for a program
};

struct StoredFolder {
    std::string path;    ///< on the phone
    std::string sha256;  ///< of the content: of the only file, or of the lines "SHA256  NAME" sorted by name
    std::uint64_t bytes = 0;
    std::uint64_t sent = 0;  ///< 0: it was there
};

class RemoteStore {
public:
    static constexpr std::string_view default_root = "/data/local/tmp/bitwright";

    /// `root` lies below /data/local/tmp/. Throws Error (usage) otherwise: remove_everything() deletes it.
    explicit RemoteStore(AdbTarget target, std::string root = std::string(default_root));

    StoredFolder store_program(const std::vector<FileToStore>& files, const TransferProgress& progress, const Control& control) const
    {
        return store("bin", files, progress, control);
    }
    StoredFolder store_model(const std::vector<FileToStore>& files, const TransferProgress& progress, const Control& control) const
    {
        return store("models", files, progress, control);
    }

    /// The folder of a run, made. `id`: letters, digits, '-', '_' and '.', at most 64.
    [[nodiscard]] std::string make_run(const std::string& id, const Control& control) const;
    void remove_run(const std::string& id, const Control& control) const;
    /// The ids of the runs whose folders are there, for collecting after a restart of the program.
    [[nodiscard]] std::vector<std::string> runs(const Control& control) const;

    /// Free where ROOT lies. Throws AdbError (refused) where the phone does not say.
    [[nodiscard]] std::uint64_t free_bytes(const Control& control) const;
    /// Taken by ROOT; 0 when it is not there.
    [[nodiscard]] std::uint64_t used_bytes(const Control& control) const;
    /// Ends the runs that still run and removes ROOT.
    void remove_everything(const Control& control) const;

    [[nodiscard]] const std::string& root() const noexcept { return root_; }

private:
    StoredFolder store(const std::string& kind, const std::vector<FileToStore>& files, const TransferProgress& progress, const Control& control) const;
    [[nodiscard]] std::string run_folder(const std::string& id) const;

    AdbTarget target_;
    std::string root_;
};

}  // namespace bitwright
