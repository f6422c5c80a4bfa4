// SPDX-License-Identifier: GPL-3.0-or-later
// The registry of methods and what they share: options, the start of a recipe, ranges. One file per method; adding one = one file, one row in method.cpp
// and one in method_list.cpp.
// Internal to bitwright_numerics.
// Threading: pure functions; a method runs on the thread that calls it.
#pragma once

#include "core/numerics/numerics.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// The KEY=VALUE options of one request, read with their defaults; what was read is what is known.
class MethodOptions {
public:
    explicit MethodOptions(const MethodRequest& request) : method_(request.method), given_(request.options) {}

    /// Throws Error (usage) when the value is no number in [low, high] or none of `words`.
    [[nodiscard]] double number(const std::string& key, double fallback, double low, double high);
    [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t low, std::int64_t high);
    [[nodiscard]] std::string word(const std::string& key, const std::string& fallback, const std::vector<std::string>& words);
    [[nodiscard]] std::string text(const std::string& key, const std::string& fallback);
    /// After everything was read. Throws Error (usage) naming an unknown key and listing the known ones with their values here.
    void finish() const;
    /// All options with their values, defaults included, as canonical JSON.
    [[nodiscard]] std::string json() const;
    [[nodiscard]] std::vector<MethodOption> all() const;  ///< by key

private:
    MethodOption& read(const std::string& key, const std::string& fallback, const std::string& values);

    std::string method_;
    std::map<std::string, std::string> given_;
    std::map<std::string, MethodOption> used_;
};

/// What a method gets to work with.
struct MethodContext {
    const MethodRequest& request;
    Numerics& numerics;
    Control& control;
};

struct Method {
    std::string_view name;  ///< as in method_list.h
    MethodOutcome (*run)(MethodContext&);
    void (*read)(MethodOptions&, const MethodRequest&);  ///< all its options; throws Error (usage) for a wrong one
    MethodForecast (*forecast)(const MethodRequest&);     ///< predicted from shapes
};

/// All methods, in the order of method_list().
[[nodiscard]] const std::vector<Method>& methods();
/// What Numerics::run and Numerics::forecast do. Throws Error (usage) for an unknown method or option.
[[nodiscard]] MethodOutcome run_method(Numerics& numerics, const MethodRequest& request, Control& control);
[[nodiscard]] MethodForecast forecast_method(const MethodRequest& request);

// --- the methods ---
MethodOutcome run_rtn(MethodContext& context);
MethodOutcome run_smoothquant_static(MethodContext& context);
MethodOutcome run_smoothquant_edge(MethodContext& context);
MethodOutcome run_smoothquant_dynamic(MethodContext& context);
MethodOutcome run_awq(MethodContext& context);
MethodOutcome run_gptq(MethodContext& context);
MethodOutcome run_rotation(MethodContext& context);  ///< quarot, spinquant
MethodOutcome run_mobilequant_paper(MethodContext& context);
MethodOutcome run_bitwright_mode(MethodContext& context);
void read_rtn_options(MethodOptions& options, const MethodRequest& request);
void read_smoothquant_options(MethodOptions& options, const MethodRequest& request);
void read_smoothquant_dynamic_options(MethodOptions& options, const MethodRequest& request);
void read_awq_options(MethodOptions& options, const MethodRequest& request);
void read_gptq_method_options(MethodOptions& options, const MethodRequest& request);
void read_rotation_options(MethodOptions& options, const MethodRequest& request);
void read_mobilequant_options(MethodOptions& options, const MethodRequest& request);
void read_bitwright_mode_options(MethodOptions& options, const MethodRequest& request);
MethodForecast forecast_closed_form(const MethodRequest& request);  ///< rtn, seqmse, smoothquant, awq, gptq: calibration alone
MethodForecast forecast_rotation(const MethodRequest& request);
MethodForecast forecast_mobilequant_paper(const MethodRequest& request);
MethodForecast forecast_bitwright_mode(const MethodRequest& request);

}  // namespace bitwright
