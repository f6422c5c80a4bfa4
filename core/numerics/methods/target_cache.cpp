// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/target_cache.h"

#include <ATen/ops/empty.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace bitwright {
namespace {

// Without a name from the start: nothing is left behind, however the process ends.
int open_temporary()
{
    const char* told = std::getenv("TMPDIR");
    std::error_code error;
    std::filesystem::path folder = told && *told ? told : "/var/tmp";  // /tmp may be memory
    if (!std::filesystem::is_directory(folder, error)) folder = std::filesystem::temp_directory_path(error);
    if (error) return -1;
    std::string name = (folder / "bitwright-targets-XXXXXX").string();
    const int file = ::mkostemp(name.data(), 0);
    if (file >= 0) ::unlink(name.c_str());
    return file;
}

}  // namespace

TargetCache::~TargetCache()
{
    if (file_ >= 0) ::close(file_);
}

at::Tensor TargetCache::get(std::int64_t window, const std::function<at::Tensor()>& compute)
{
    const auto at = static_cast<std::size_t>(window);
    if (kept_[at].defined()) return kept_[at];
    if (filed_[at])
        if (at::Tensor target = read(window); target.defined()) return target;
    at::Tensor target = compute().contiguous();
    if (static_cast<std::int64_t>(kept_.size() * target.nbytes()) <= memory_bytes_) {
        kept_[at] = target;
    } else if (disk_) {
        disk_ = filed_[at] = write(window, target);
    }
    return target;
}

bool TargetCache::write(std::int64_t window, const at::Tensor& target)
{
    if (file_ < 0) file_ = open_temporary();
    if (file_ < 0) return false;
    shape_ = target.sizes().vec();
    const char* bytes = reinterpret_cast<const char*>(target.const_data_ptr<float>());
    const std::size_t size = target.nbytes();
    for (std::size_t done = 0; done < size;) {
        const auto n = ::pwrite(file_, bytes + done, size - done, static_cast<off_t>(static_cast<std::size_t>(window) * size + done));
        if (n <= 0) return false;
        done += static_cast<std::size_t>(n);
    }
    return true;
}

at::Tensor TargetCache::read(std::int64_t window) const
{
    at::Tensor target = at::empty(shape_, at::kFloat);
    char* bytes = reinterpret_cast<char*>(target.mutable_data_ptr<float>());
    const std::size_t size = target.nbytes();
    for (std::size_t done = 0; done < size;) {
        const auto n = ::pread(file_, bytes + done, size - done, static_cast<off_t>(static_cast<std::size_t>(window) * size + done));
        if (n <= 0) return {};
        done += static_cast<std::size_t>(n);
    }
    return target;
}

}  // namespace bitwright
