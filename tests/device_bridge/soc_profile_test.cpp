// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/soc_profile.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "tests/device_bridge/phone_answers.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

fs::path shipped() { return fs::path(BITWRIGHT_SOURCE_DIR) / "resources/devices/soc"; }

PhoneFacts phone_with(std::optional<std::string> model, std::optional<std::int64_t> id = {})
{
    PhoneFacts facts;
    facts.soc_model = std::move(model);
    facts.soc_id = id;
    return facts;
}

TEST(SocProfile, TheShippedOnesSayWhatIsKnown)
{
    const auto profiles = load_soc_profiles(shipped());
    EXPECT_GE(profiles.size(), 15u);
    const auto architecture = [&](const char* model) {
        const auto* found = find_soc_profile(profiles, phone_with(model));
        return found && found->hexagon ? found->hexagon->architecture : "none";
    };
    EXPECT_EQ(architecture("SM8350"), "v68");
    EXPECT_EQ(architecture("SM8450"), "v69");
    EXPECT_EQ(architecture("SM8475"), "v69");
    EXPECT_EQ(architecture("SM8550"), "v73");
    EXPECT_EQ(architecture("SM8635"), "v73");
    EXPECT_EQ(architecture("sm8650"), "v75");
    EXPECT_EQ(architecture("SM8735"), "v79");
    EXPECT_EQ(architecture("SM8750"), "v79");
    EXPECT_EQ(architecture("SM8850"), "v81");
    EXPECT_EQ(architecture("SM8845"), "v81");
    EXPECT_EQ(architecture("MT6989"), "none");
    const auto* gen3 = find_soc_profile(profiles, parse_facts(test::snapdragon_answer()));
    ASSERT_TRUE(gen3);
    EXPECT_EQ(gen3->name, "Snapdragon 8 Gen 3");
    EXPECT_EQ(gen3->hexagon->qnn_soc_model, 57);
    EXPECT_EQ(find_soc_profile(profiles, phone_with({}, 557)), gen3);
    EXPECT_EQ(find_soc_profile(profiles, phone_with({}, 57)), nullptr);  // QNN's number is not the kernel's
    EXPECT_EQ(find_soc_profile(profiles, phone_with("SM9999")), nullptr);
    EXPECT_EQ(find_soc_profile(profiles, {}), nullptr);
}

TEST(SocProfile, BitsAndWhy)
{
    const auto profiles = load_soc_profiles(shipped());
    const auto* gen1 = find_soc_profile(profiles, phone_with("SM8450"));
    const auto* gen3 = find_soc_profile(profiles, phone_with("SM8650"));
    EXPECT_EQ(allowed_bits(gen3, "qnn", 8, 8).allowed, Allowed::yes);
    EXPECT_EQ(allowed_bits(gen3, "qnn", 4, 8).allowed, Allowed::yes);
    const auto refused = allowed_bits(gen1, "qnn", 16, 16);
    EXPECT_EQ(refused.allowed, Allowed::no);
    EXPECT_EQ(refused.why, "Snapdragon 8 Gen 1 is known to run W4A16, W8A16, W8A8 there, not W16A16.");
    EXPECT_EQ(allowed_bits(gen3, "llama_hexagon", 8, 8).allowed, Allowed::unknown);
    EXPECT_EQ(allowed_bits(nullptr, "qnn", 8, 8).allowed, Allowed::unknown);
}

TEST(SocProfile, FaultsNameFileAndField)
{
    const auto message = [](const std::string& text) {
        try {
            (void)parse_soc_profile(text, "x.json");
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    const auto with = [](const char* pointer, const nlohmann::json& value) {
        auto whole = nlohmann::json::parse(read_text(shipped() / "sm8650.json"));
        whole[nlohmann::json::json_pointer(pointer)] = value;
        return whole.dump();
    };
    EXPECT_TRUE(message("{").starts_with("x.json: is not JSON"));
    EXPECT_EQ(message("[]"), "x.json: is no JSON object");
    EXPECT_EQ(message("{\"format\":1}"), "x.json: name: is missing");
    EXPECT_EQ(message(with("/format", 2)), "x.json: format: is not 1; this program is too old for it");
    EXPECT_EQ(message(with("/soc_id", 5)), "x.json: soc_id: is no field of a SoC profile; remove it or correct its name");
    EXPECT_EQ(message(with("/soc_models", nlohmann::json::array())), "x.json: soc_models: is empty; name what ro.soc.model says");
    EXPECT_EQ(message(with("/hexagon/architecture", "75")), "x.json: hexagon.architecture: is no Hexagon architecture like \"v75\"");
    EXPECT_EQ(message(with("/backends/qnn/combinations/0/weights", 7)), "x.json: backends.qnn.combinations[0].weights: is 7, not 4, 8 or 16 bits");
    EXPECT_EQ(message(with("/backends/cuda", nlohmann::json::object())), "x.json: backends.cuda: is no back end of this program");
    EXPECT_EQ(message(with("/notes/0/source", " ")), "x.json: notes[0].source: is empty");
    EXPECT_EQ(message(with("/soc_ids", nlohmann::json::array({-1}))), "x.json: soc_ids: is no list of whole numbers from 0");
}

TEST(SocProfile, OneOwnerPerSoc)
{
    const auto folder = test::scratch("soc_profiles");
    const auto text = read_text(shipped() / "sm8650.json");
    write_text(folder / "a.json", text);
    EXPECT_EQ(load_soc_profiles(folder).size(), 1u);
    write_text(folder / "b.json", text);
    try {
        (void)load_soc_profiles(folder);
        FAIL() << "two owners";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("b.json: soc_models: sm8650 belongs to a.json already"), std::string::npos) << error.what();
    }
    EXPECT_THROW((void)load_soc_profiles(folder / "missing"), Error);
}

}  // namespace
}  // namespace bitwright
