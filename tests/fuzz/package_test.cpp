// SPDX-License-Identifier: GPL-3.0-or-later
// A package's parts spoiled one or a few at a time, from a fixed seed: it is refused in one sentence, or every kernel set gives the reference's bytes.
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/package_bytes.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/shared_data.h"

#include "core/runtime/file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <iterator>

namespace bitwright::test {
namespace {

using Json = nlohmann::json;

const std::vector<std::int64_t>& ends_of_types()
{
    static const std::vector<std::int64_t> all{0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 62, 63, 127, 128, -128, 255, 256, 1025, 32767, 32768, -32768, 65535, 65536, INT32_MAX, INT32_MIN, std::int64_t{1} << 32,
                                               std::int64_t{1} << 40, std::int64_t{1} << 62, INT64_MAX, INT64_MIN};
    return all;
}

/// A value somewhere inside becomes another one of its kind, or of another kind.
void change(Json& json, Mutator& mutate)
{
    auto leaf = json.flatten();
    auto it = leaf.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(mutate.below(leaf.size())));
    Json& value = json[Json::json_pointer(it.key())];
    switch (mutate.below(8)) {
        case 0: value = Json(); return;
        case 1: value = "x"; return;
        case 2: value = Json::array(); return;
        case 3: value = 1e300; return;
        case 4: value = -0.0; return;
        case 5:
            if (value.is_number_integer()) value = value.get<std::int64_t>() + static_cast<std::int64_t>(mutate.below(5)) - 2;
            return;
        default: value = ends_of_types()[mutate.below(ends_of_types().size())];
    }
}

void change(std::map<std::string, Tensor>& tensors, Mutator& mutate)
{
    auto it = tensors.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(mutate.below(tensors.size())));
    Tensor& tensor = it->second;
    switch (mutate.below(8)) {
        case 0:
            tensors.erase(it);
            return;
        case 1:
            std::reverse(tensor.shape.begin(), tensor.shape.end());
            return;
        case 2: {  // one row more or less, all bytes there
            const std::size_t row = tensor.data.size() / static_cast<std::size_t>(std::max<std::int64_t>(1, tensor.shape[0]));
            tensor.shape[0] += mutate.below(2) == 0 || tensor.shape[0] == 1 ? 1 : -1;
            tensor.data.resize(row * static_cast<std::size_t>(tensor.shape[0]));
            return;
        }
        case 3:
            if (tensor.dtype == Dtype::i8) tensor.dtype = Dtype::u8;
            else if (tensor.dtype == Dtype::u8) tensor.dtype = Dtype::i8;
            return;
        case 4:
            std::memset(tensor.data.data(), static_cast<int>(mutate.below(256)), tensor.data.size());
            return;
        default:
            for (std::size_t i = 0; i <= mutate.below(6); ++i) tensor.data[mutate.below(tensor.data.size())] = std::byte{static_cast<unsigned char>(mutate.below(2) == 0 ? 0x80 : mutate.below(256))};
    }
}

TEST(PackageFuzz, WhatOpensGivesTheReferencesBytesWhatDoesNotSaysWhy)
{
    Mutator mutate(31);
    const std::filesystem::path memory = "/dev/shm";  // files there need not be synced
    const auto path = std::filesystem::exists(memory) ? memory / ("bitwright-package-fuzz-" + std::to_string(::getpid())) : scratch("package-fuzz") / "spoiled.safetensors";
    const char* more = std::getenv("BITWRIGHT_FUZZ_ITERATIONS");
    const int rounds = more ? std::atoi(more) : 1500;
    int opened = 0;
    for (int round = 0; round < rounds; ++round) {
        TinyPackage package = TinyPackage::make(1 + static_cast<unsigned>(round % 4));
        for (auto changes = 1 + mutate.below(3); changes > 0; --changes) {
            if (const auto part = mutate.below(8); part == 0) change(package.architecture, mutate);
            else if (part < 4) change(package.operations, mutate);
            else change(package.tensors, mutate);
        }
        package.write(path);
        std::string refusal;
        if (opens_and_runs(read_text(path), &refusal)) {
            ++opened;
            continue;
        }
        ASSERT_EQ(refusal.find('\n'), std::string::npos) << refusal;
        ASSERT_GT(refusal.size(), 30U) << refusal;
    }
    std::filesystem::remove(path);
    EXPECT_GT(opened, rounds / 8);  // not all is refused, so the kernels are reached
    EXPECT_LT(opened, rounds * 7 / 8);
}

}  // namespace
}  // namespace bitwright::test
