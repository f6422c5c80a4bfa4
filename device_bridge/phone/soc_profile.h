// SPDX-License-Identifier: GPL-3.0-or-later
// What is known about systems on a chip: data files (resources/devices/soc), one per SoC. What is not known is absent, and a phone with an unknown SoC is
// welcome. Two numberings are kept apart: soc_ids are the kernel's (/sys/devices/soc0/soc_id, 557 for SM8650), qnn_soc_model is QNN's (57): one in place of the
// other makes QNN refuse the device. Threading: plain values; reading is a pure function of the files.
#pragma once

#include "device_bridge/phone/facts.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct BitCombination {
    std::int64_t weights = 0, activations = 0;  ///< 4, 8 or 16 bits
    std::optional<std::string> weight_scales;   ///< "per_tensor", "per_channel", "per_block"; absent: the source does not say
    std::optional<std::int64_t> block;          ///< weights that share a scale; per_block only
};
struct BackendProfile {
    std::optional<std::vector<BitCombination>> combinations;  ///< absent: not known
    std::optional<std::vector<std::int64_t>> kv_bits;         ///< bits that the cache of keys and values may have
    std::optional<std::vector<std::string>> weight_types;     ///< GGUF types that run there
};
struct Hexagon {
    std::string architecture;  ///< "v75"
    std::optional<std::int64_t> qnn_soc_model, vtcm_mb;
};
struct SocNote {
    std::string text, source;
};
struct SocProfile {
    std::string name, vendor;
    std::vector<std::string> soc_models;  ///< ro.soc.model
    std::vector<std::int64_t> soc_ids;    ///< /sys/devices/soc0/soc_id
    std::optional<Hexagon> hexagon;
    std::map<std::string, BackendProfile> backends;  ///< "qnn", "llama_hexagon", "executorch_mediatek", "executorch_samsung"
    std::vector<SocNote> notes;                      ///< each with the place it was read in
};

/// One profile. Throws Error (bad_input) naming `where` and the field; a field that is no part of the format is a fault, as is a note without source.
[[nodiscard]] SocProfile parse_soc_profile(std::string_view text, std::string_view where);
/// All *.json of a folder, by file name. Throws as above, and when two files claim the same SoC.
[[nodiscard]] std::vector<SocProfile> load_soc_profiles(const std::filesystem::path& folder);

/// The profile of this phone: by ro.soc.model (letter case aside), else by soc_id. Null: unknown.
[[nodiscard]] const SocProfile* find_soc_profile(const std::vector<SocProfile>& profiles, const PhoneFacts& facts) noexcept;

enum class Allowed { yes, no, unknown };
struct AllowedBits {
    Allowed allowed = Allowed::unknown;
    std::string why;  ///< a sentence
};
/// May `backend` run these bits on this SoC? `profile` null: unknown.
[[nodiscard]] AllowedBits allowed_bits(const SocProfile* profile, std::string_view backend, std::int64_t weights, std::int64_t activations);

}  // namespace bitwright
