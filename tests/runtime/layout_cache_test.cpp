// SPDX-License-Identifier: GPL-3.0-or-later
// What is kept laid out for the next start: used when it is what was asked for, made anew when it is not, and never more of it than allowed.
#include "core/runtime/kernels/layout_cache.h"
#include "core/runtime/engine.h"
#include "core/runtime/file.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <chrono>

namespace bitwright::test {
namespace {

namespace fs = std::filesystem;

constexpr WeightLayout panels{32, 4};

struct LayoutCaches : testing::Test {
    fs::path folder = scratch("layout-cache");
    LayoutCache cache{folder / "kept", 0};

    std::shared_ptr<const Package> source(unsigned seed, const std::string& name = "rows.safetensors") const
    {
        TinyPackage::make(seed).write(folder / name);
        return Package::open(folder / name);
    }
    std::vector<fs::path> kept() const
    {
        std::vector<fs::path> files;
        for (const auto& file : fs::directory_iterator(cache.folder)) files.push_back(file.path());
        return files;
    }
};

void make_older(const fs::path& file, std::chrono::hours age) { fs::last_write_time(file, fs::file_time_type::clock::now() - age); }

TEST_F(LayoutCaches, TheNextStartMapsWhatTheFirstWrote)
{
    const auto rows = source(1);
    const auto first = laid_out_from_cache(rows, panels, cache);
    EXPECT_EQ(first->metadata("layout"), "panels-32x4");
    ASSERT_EQ(kept().size(), 1U);
    const std::string bytes = read_text(kept()[0]);
    make_older(kept()[0], std::chrono::hours(24));
    const auto before = fs::last_write_time(kept()[0]);
    const auto second = laid_out_from_cache(Package::open(rows->path()), panels, cache);
    EXPECT_EQ(second->path(), kept()[0]);
    EXPECT_TRUE(read_text(kept()[0]) == bytes);
    EXPECT_GT(fs::last_write_time(kept()[0]), before);  // it was used
    const std::vector<std::int32_t> ids{3, 1, 4, 1, 5, 9, 2, 6};
    Engine defined(rows, {.kernels = &reference_kernels()});
    const auto logits = defined.forward(ids, WantedLogits::all);
    for (const KernelSet* set : kernel_sets()) {
        Engine engine(rows, {.kernels = set, .layout_cache = cache});
        const auto found = engine.forward(ids, WantedLogits::all);
        EXPECT_TRUE(std::equal(found.begin(), found.end(), logits.begin(), logits.end())) << set->name;
    }
}

TEST_F(LayoutCaches, WhatIsDamagedOrOfAnotherPackageIsMadeAnew)
{
    const auto rows = source(1), other = source(2, "other.safetensors");
    (void)laid_out_from_cache(rows, panels, cache);
    const auto entry = kept().at(0);
    const std::string bytes = read_text(entry);
    write_text(entry, bytes.substr(0, bytes.size() / 2));
    EXPECT_EQ(laid_out_from_cache(rows, panels, cache)->path(), entry);
    EXPECT_TRUE(read_text(entry) == bytes);
    const LayoutCache apart{folder / "apart", 0};
    fs::copy_file(laid_out_from_cache(other, panels, apart)->path(), entry, fs::copy_options::overwrite_existing);
    EXPECT_FALSE(read_text(entry) == bytes);
    EXPECT_EQ(laid_out_from_cache(rows, panels, cache)->path(), entry);
    EXPECT_TRUE(read_text(entry) == bytes);
}

TEST_F(LayoutCaches, APackageThatChangedGetsItsOwn)
{
    const auto rows = source(1);
    (void)laid_out_from_cache(rows, panels, cache);
    make_older(rows->path(), std::chrono::hours(1));
    (void)laid_out_from_cache(Package::open(rows->path()), panels, cache);
    EXPECT_EQ(kept().size(), 2U);
}

TEST_F(LayoutCaches, TheLeastRecentlyUsedGoesWhenThereIsNoRoomAndNothingElseDoes)
{
    std::vector<fs::path> entries;
    for (const unsigned seed : {1U, 2U}) entries.push_back(laid_out_from_cache(source(seed, std::to_string(seed) + ".safetensors"), panels, cache)->path());
    write_text(cache.folder / "notes.panels-32x4.safetensors", "not ours");
    make_older(entries[0], std::chrono::hours(1));
    make_older(entries[1], std::chrono::hours(2));
    cache.most_bytes = fs::file_size(entries[0]) + fs::file_size(folder / "1.safetensors") + 64;
    const auto third = laid_out_from_cache(source(3, "3.safetensors"), panels, cache)->path();
    EXPECT_TRUE(fs::exists(entries[0]));
    EXPECT_FALSE(fs::exists(entries[1]));
    make_older(third, std::chrono::hours(24 * 61));
    cache.most_bytes = std::uint64_t{1} << 40;
    (void)laid_out_from_cache(source(4, "4.safetensors"), panels, cache);
    EXPECT_FALSE(fs::exists(third));  // nobody used it for two months
    EXPECT_TRUE(fs::exists(entries[0]));
    EXPECT_EQ(kept().size(), 3U);
}

TEST_F(LayoutCaches, SmallPackagesAndFoldersThatCannotBeGiveThePackageItself)
{
    const auto rows = source(1);
    EXPECT_EQ(laid_out_from_cache(rows, panels, {folder / "kept"}), rows);
    EXPECT_EQ(laid_out_from_cache(rows, panels, {}), rows);
    EXPECT_FALSE(fs::exists(cache.folder));
    write_text(folder / "file", "");
    EXPECT_EQ(laid_out_from_cache(rows, panels, {folder / "file", 0}), rows);
}

}  // namespace
}  // namespace bitwright::test
