// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/hash.h"
#include "core/runtime/sha256_blocks.h"

#include <gtest/gtest.h>

#include <vector>

namespace bitwright {
namespace {

// Vectors of FIPS 180-4 (NIST's examples).
TEST(Sha256, KnownVectors)
{
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesEqualTheWhole)
{
    const std::string text(517, 'x');
    for (std::size_t cut = 0; cut <= text.size(); cut += 13) {
        Sha256 sha;
        sha.update(std::string_view(text).substr(0, cut)).update(std::string_view(text).substr(cut));
        EXPECT_EQ(sha.hex(), sha256_hex(text));
    }
}

// Whatever this processor has must equal the definition.
TEST(Sha256, TheFastOneEqualsThePortableOne)
{
    std::vector<std::uint8_t> bytes(64 * 9);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i * 31 + i / 7);
    for (std::size_t blocks = 0; blocks <= 9; ++blocks) {
        sha256::State portable{1, 2, 3, 4, 0xffffffff, 6, 7, 8}, best = portable;
        sha256::compress_portable(portable, bytes.data(), blocks);
        sha256::best_compress()(best, bytes.data(), blocks);
        EXPECT_EQ(portable, best) << blocks;
    }
}

}  // namespace
}  // namespace bitwright
