// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/qnn_files.h"

#include "core/runtime/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace bitwright::backends {

Licence qualcomm_licence()
{
    return {"Qualcomm (proprietary)",
            "Needs Qualcomm's AI Runtime SDK (QAIRT), which you download under your own account and licence. Bitwright copies its files from your folder to your phone "
            "and nowhere else; whether you may pass them on is between you and Qualcomm."};
}

std::vector<std::string> htp_libraries(const std::string& hexagon, bool extras)
{
    auto version = hexagon;  // "v75": V75 in the names of libraries
    if (!version.empty()) version[0] = 'V';
    std::vector<std::string> files{"lib/aarch64-android/libQnnHtp.so", "lib/aarch64-android/libQnnHtpPrepare.so", "lib/aarch64-android/libQnnHtp" + version + "Stub.so",
                                   "lib/hexagon-" + hexagon + "/unsigned/libQnnHtp" + version + "Skel.so", "lib/aarch64-android/libQnnSystem.so"};
    if (extras) files.emplace_back("lib/aarch64-android/libQnnHtpNetRunExtensions.so");
    return files;
}

std::string locate(const RuntimeFolder& runtime, const std::string& file)
{
    auto found = runtime.find(file);
    return found.empty() ? runtime.find(file.substr(file.rfind('/') + 1)) : found;
}

Support probe_htp(const Target& target, const RuntimeFolder& runtime, const std::vector<std::string>& files)
{
    Support support;
    for (const auto& file : files)
        if (locate(runtime, file).empty()) support.missing.push_back(file);
    if (!target.arm64) support.reason = "This phone does not run arm64 programs.";
    else if (target.hexagon.empty()) support.reason = "Which Hexagon version this phone has is not known" + (target.soc.empty() ? "." : " (SoC " + target.soc + "): add a profile for it.");
    else if (target.hexagon_rpc == false) support.reason = "This phone has no libcdsprpc.so, the way to its NPU.";
    else if (!support.missing.empty()) support.reason = "The folder lacks files that Hexagon " + target.hexagon + " needs; choose the folder of a QAIRT SDK that has them.";
    support.ok = support.reason.empty();
    return support;
}

std::vector<Push> pushes_of(const RuntimeFolder& runtime, const std::vector<std::string>& files, const std::string& folder)
{
    std::vector<Push> pushes;
    std::string missing;
    for (const auto& file : files) {
        const auto name = file.substr(file.rfind('/') + 1);
        const auto found = locate(runtime, file);
        if (found.empty()) missing += (missing.empty() ? "" : ", ") + file;
        else pushes.push_back(push_of(runtime, found, remote_path(folder, name), !name.ends_with(".so")));
    }
    if (!missing.empty()) throw bad_input(runtime.path.string(), missing, "missing; choose the folder of a runtime that has them");
    return pushes;
}

std::string htp_basic_config(const std::string& extensions_library, const std::string& extensions_config)
{
    return nlohmann::json{{"backend_extensions", {{"shared_library_path", extensions_library}, {"config_file_path", extensions_config}}}}.dump(2) + "\n";
}

std::string htp_extensions_config(const Target& target, const std::string& graph, const std::string& performance_profile)
{
    nlohmann::json graphs{{"O", 3}, {"hvx_threads", 4}, {"graph_names", {graph}}};
    if (target.vtcm_mb) graphs["vtcm_mb"] = *target.vtcm_mb;
    nlohmann::json device{{"dsp_arch", target.hexagon}, {"cores", {{{"core_id", 0}, {"perf_profile", performance_profile}, {"rpc_control_latency", 100}}}}};
    if (target.qnn_soc_model) device["soc_id"] = *target.qnn_soc_model;
    return nlohmann::json{{"graphs", {graphs}}, {"devices", {device}}}.dump(2) + "\n";
}

void check_performance_profile(const std::string& name)
{
    static constexpr std::array names{"burst", "sustained_high_performance", "high_performance", "balanced", "low_balanced", "high_power_saver", "power_saver",
                                      "low_power_saver", "extreme_power_saver"};
    if (std::ranges::find(names, name) == names.end()) throw usage_error("performance profile: \"" + name + "\" is none of QNN's");
}

}  // namespace bitwright::backends
