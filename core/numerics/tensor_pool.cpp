// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/tensor_pool.h"

#include <c10/core/CPUAllocator.h>

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <new>

namespace bitwright {
namespace {

constexpr std::size_t large = std::size_t{256} << 10, page = 4096, huge_page = std::size_t{2} << 20, slack = std::size_t{16} << 20;
constexpr std::size_t header = 64;  // keeps the alignment LibTorch asks for

struct Header {
    std::size_t bytes;  ///< of the whole block; 0: from malloc
};

class PoolAllocator final : public c10::Allocator {
public:
    c10::DataPtr allocate(std::size_t n) override
    {
        if (n == 0) return {nullptr, nullptr, &release, c10::Device(c10::DeviceType::CPU)};
        void* block = n < large ? small_block(n) : large_block((n + header + page - 1) / page * page);
        void* data = static_cast<char*>(block) + header;
        return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &release; }
    void copy_data(void* to, const void* from, std::size_t count) const override { default_copy_data(to, from, count); }

    void open()
    {
        const std::lock_guard lock(mutex_);
        ++pools_;
    }
    void close()
    {
        const std::lock_guard lock(mutex_);
        if (--pools_ > 0) return;
        give_back(use_.idle);
        largest_live_ = use_.live;
    }
    TensorPool::Use use()
    {
        const std::lock_guard lock(mutex_);
        return use_;
    }

private:
    static void* small_block(std::size_t n)
    {
        void* block = std::aligned_alloc(header, (n + header + header - 1) / header * header);
        if (!block) throw std::bad_alloc();
        static_cast<Header*>(block)->bytes = 0;
        return block;
    }

    void* large_block(std::size_t bytes)
    {
        const std::lock_guard lock(mutex_);
        const auto found = idle_.lower_bound(bytes);
        if (found != idle_.end() && found->first <= bytes + bytes / 8) {
            void* block = found->second;
            use_.idle -= found->first;
            use_.live += found->first;
            ++use_.reused;
            idle_.erase(found);
            largest_live_ = std::max(largest_live_, use_.live);
            return block;
        }
        const std::uint64_t most = largest_live_ + largest_live_ / 16 + slack, wanted = use_.live + use_.idle + bytes;
        if (wanted > most) give_back(wanted - most);
        void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) throw std::bad_alloc();
        if (bytes >= 2 * huge_page) static_cast<void>(::madvise(block, bytes, MADV_HUGEPAGE));
        static_cast<Header*>(block)->bytes = bytes;
        use_.live += bytes;
        ++use_.fresh;
        largest_live_ = std::max(largest_live_, use_.live);
        return block;
    }

    // At least so many idle bytes, as far as there are any; large blocks first.
    void give_back(std::uint64_t bytes)
    {
        for (std::uint64_t given = 0; given < bytes && !idle_.empty();) {
            const auto last = std::prev(idle_.end());
            ::munmap(last->second, last->first);
            given += last->first;
            use_.idle -= last->first;
            idle_.erase(last);
        }
    }

    void keep_or_give_back(void* block, std::size_t bytes)
    {
        const std::lock_guard lock(mutex_);
        use_.live -= bytes;
        if (pools_ == 0) {
            ::munmap(block, bytes);
            return;
        }
        use_.idle += bytes;
        idle_.emplace(bytes, block);
    }

    static void release(void* data);

    std::mutex mutex_;
    int pools_ = 0;
    std::multimap<std::size_t, void*> idle_;  ///< by size
    TensorPool::Use use_;
    std::uint64_t largest_live_ = 0;
};

PoolAllocator& allocator()
{
    static PoolAllocator* const the_one = [] {
        auto* made = new PoolAllocator;  // LibTorch keeps it to the end of the process
        c10::SetCPUAllocator(made);
        return made;
    }();
    return *the_one;
}

void PoolAllocator::release(void* data)
{
    if (!data) return;
    void* block = static_cast<char*>(data) - header;
    if (const std::size_t bytes = static_cast<Header*>(block)->bytes; bytes == 0) std::free(block);
    else allocator().keep_or_give_back(block, bytes);
}

}  // namespace

TensorPool::TensorPool() { allocator().open(); }
TensorPool::~TensorPool() { allocator().close(); }
TensorPool::Use TensorPool::use() { return allocator().use(); }

}  // namespace bitwright
