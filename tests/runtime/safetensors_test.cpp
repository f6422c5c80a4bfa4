// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/safetensors.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstring>
#include <numeric>

#include <sys/resource.h>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

std::string with_header(const std::string& header, std::size_t data_bytes)
{
    std::string file(8, '\0');
    for (int i = 0; i < 8; ++i) file[static_cast<std::size_t>(i)] = static_cast<char>(header.size() >> (8 * i));
    return file + header + std::string(data_bytes, '\0');
}

/// The message for a file of these bytes, "" when it opens.
std::string message_of(const std::string& bytes)
{
    const auto path = test::scratch("safetensors") / "x.safetensors";
    write_text(path, bytes);
    try {
        const SafetensorsFile file(path);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        EXPECT_EQ(std::string(error.what()).find(path.string()), 0u) << error.what();
        return error.what();
    }
    return "";
}

void expect_all(const std::string& message, const std::vector<std::string>& parts)
{
    for (const auto& part : parts) EXPECT_NE(message.find(part), std::string::npos) << "no “" << part << "” in: " << message;
}

TEST(Safetensors, WrittenFilesReadBackWithEveryTensorAligned)
{
    const auto path = test::scratch("roundtrip") / "x.safetensors";
    const std::array<std::uint8_t, 3> bytes{1, 2, 3};
    const std::array<float, 4> floats{1.5f, -2, 0, 4};
    const std::array<std::int64_t, 1> longs{-5};
    write_safetensors(path,
                      {{"a.bytes", Tensor::from<std::uint8_t>(Dtype::u8, {3}, bytes)},
                       {"b.floats", Tensor::from<float>(Dtype::f32, {2, 2}, floats)},
                       {"c.scalar", Tensor::from<std::int64_t>(Dtype::i64, {}, longs)},
                       {"d.empty", Tensor{Dtype::f16, {0, 7}, {}}}},
                      {{"format", "1"}, {"quote", "\"\n"}});
    const SafetensorsFile file(path);
    ASSERT_EQ(file.entries().size(), 4u);
    EXPECT_EQ(file.entries()[1].name, "b.floats");
    EXPECT_EQ(file.metadata().at("quote"), "\"\n");
    EXPECT_EQ(file.tensor("a.bytes").as<std::uint8_t>()[2], 3);
    EXPECT_EQ(file.tensor("b.floats").shape, (Shape{2, 2}));
    EXPECT_EQ(file.tensor("b.floats").as<float>()[1], -2);
    EXPECT_EQ(file.tensor("c.scalar").as<std::int64_t>()[0], -5);
    EXPECT_TRUE(file.tensor("d.empty").data.empty());
    for (const auto& entry : file.entries())
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.tensor(entry.name).data.data()) % size_of(entry.dtype), 0u) << entry.name;
    EXPECT_THROW((void)file.tensor("none"), Error);
}

TEST(Safetensors, StreamingInPiecesAndReleasing)
{
    const auto path = test::scratch("stream") / "x.safetensors";
    std::vector<float> values(700'000);
    std::iota(values.begin(), values.end(), 0.0f);
    const auto all = std::as_bytes(std::span(values));
    SafetensorsWriter writer(path, {{"small", Dtype::u8, {3}}, {"large", Dtype::f32, {700, 1000}}, {"half", Dtype::f16, {2}}});
    const std::array<std::byte, 3> ones{std::byte{1}, std::byte{1}, std::byte{1}};
    writer.append(ones);
    for (std::size_t at = 0, step = 1; at < all.size(); at += step, step = step * 3 + 1) {
        step = std::min(step, all.size() - at);
        writer.append(all.subspan(at, step));
    }
    EXPECT_FALSE(fs::exists(path));
    writer.append(std::array<std::byte, 4>{});
    writer.finish();
    const SafetensorsFile file(path);
    const auto large = file.tensor("large");
    EXPECT_EQ(std::memcmp(large.data.data(), all.data(), all.size()), 0);
    file.release("large");
    EXPECT_EQ(std::memcmp(large.data.data(), all.data(), all.size()), 0);
    EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), fs::directory_iterator()), 1);
}

TEST(Safetensors, NothingStaysWithoutFinish)
{
    const auto folder = test::scratch("unfinished");
    {
        SafetensorsWriter writer(folder / "x.safetensors", {{"a", Dtype::u8, {3}}});
        writer.append(std::array<std::byte, 2>{});
        EXPECT_THROW(writer.finish(), Error);
        EXPECT_THROW(writer.append(std::array<std::byte, 2>{}), Error);
    }
    EXPECT_TRUE(fs::is_empty(folder));
    EXPECT_THROW(SafetensorsWriter(folder / "none" / "x.safetensors", {}), Error);
}

TEST(Safetensors, AFailingWriteIsOneSentenceAndLeavesNothing)
{
    // A limit on the size of files stands in for a full disk: write() fails in the middle of the data.
    const auto folder = test::scratch("full");
    struct rlimit before {};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small {
        4096, before.rlim_max
    };
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    std::string message;
    try {
        SafetensorsWriter writer(folder / "x.safetensors", {{"a", Dtype::u8, {100'000}}});
        writer.append(std::vector<std::byte>(100'000));
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::failed);
        message = error.what();
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, old_handler);
    expect_all(message, {(folder / "x.safetensors").string(), "cannot be written"});
    EXPECT_TRUE(fs::is_empty(folder));
}

TEST(Safetensors, MalformedHeaders)
{
    EXPECT_EQ(message_of(with_header("{}", 0)), "");
    expect_all(message_of(""), {"0 bytes", "too short"});
    expect_all(message_of("1234567"), {"7 bytes", "too short"});
    expect_all(message_of(with_header("{}  ", 0).substr(0, 10)), {"header of 4 bytes", "has 10"});
    expect_all(message_of(with_header("[]", 0)), {"header", "object"});
    expect_all(message_of(with_header("{\"a\":", 0)), {"header", "not JSON at byte 5"});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8)), {"last 4 bytes"});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8)), {"a", "[0, 4)"});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4)), {"a", "[4, 0]"});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4)), {"a", "dimension"});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F32","shape":[0,9223372036854775807,9],"data_offsets":[0,0]}})", 0)), {});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F32","shape":[3037000500,3037000500],"data_offsets":[0,0]}})", 0)), {"a", "3037000500", "64 bits"});
    expect_all(message_of(with_header(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4)), {"a", "dtype"});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4)), {"a", "shape"});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F32","shape":[1]}})", 4)), {"a", "data_offsets"});
    expect_all(message_of(with_header(R"({"a":7})", 0)), {"a", "object"});
    expect_all(message_of(with_header(R"({"__metadata__":{"x":1}})", 0)), {"__metadata__.x"});
    expect_all(message_of(with_header(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2)), {});
}

TEST(Safetensors, GoldenBadFiles)
{
    const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
        {"truncated", {"10348", "17248", "model.layers.0"}},
        {"empty-file", {"0 bytes", "too short"}},
        {"header-beyond-file", {"1099511627776", "17248"}},
        {"header-not-json", {"not JSON at byte"}},
        {"header-list", {"object"}},
        {"overlapping-offsets", {"model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.o_proj.weight", "bytes ["}},
        {"offsets-beyond-file", {"model.norm.weight", "data_offsets [", "beyond the data of"}},
        {"byte-count", {"model.layers.0.self_attn.q_proj.weight", "1024", "1020"}},
        {"negative-shape", {"model.layers.0.self_attn.q_proj.weight", "-16"}},
        {"shape-overflow", {"model.layers.0.self_attn.q_proj.weight", "[4294967296, 4294967296]"}},
        {"unknown-dtype", {"model.layers.0.self_attn.q_proj.weight", "Q4_X"}},
    };
    for (const auto& [folder, parts] : cases) {
        SCOPED_TRACE(folder);
        const auto path = test::golden() / "bad" / folder / "model.safetensors";
        try {
            const SafetensorsFile file(path);
            ADD_FAILURE() << "opened";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            expect_all(error.what(), parts);
            expect_all(error.what(), {path.string()});
        }
    }
    const SafetensorsFile good(test::golden() / "bad" / "good" / "model.safetensors");
    EXPECT_EQ(good.tensor("model.norm.weight").shape, (Shape{16}));
    const SafetensorsFile f8(test::golden() / "bad" / "unsupported-dtype" / "model.safetensors");
    EXPECT_THROW((void)f8.tensor("model.layers.0.mlp.up_proj.weight"), Error);
}

}  // namespace
}  // namespace bitwright
