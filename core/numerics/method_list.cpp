// SPDX-License-Identifier: GPL-3.0-or-later
// Part of bitwright_core: no LibTorch here.
#include "core/numerics/method_list.h"

namespace bitwright {

const std::vector<MethodInfo>& method_list()
{
    static const std::vector<MethodInfo> all{
        {"rtn", "Round to nearest", "round to nearest: ranges from calibration, nothing else", false, {}},
        {"seqmse", "SeqMSE", "round to nearest, every range chosen layer by layer by the error it leaves in the layer's output", false, {}, false},
        {"smoothquant-dynamic", "SmoothQuant dynamic", "SmoothQuant as first published: norm-linear pairs, ranges per token at run time (a reference: no phone's static graph takes it)", false, {}, false},
        {"smoothquant-static", "SmoothQuant static", "SmoothQuant on norm-linear pairs, static ranges", false, {}},
        {"smoothquant-edge", "SmoothQuant Edge", "SmoothQuant on every legal pair, up to down included", false, {}},
        {"awq", "AWQ", "AWQ: scales and clips that spare the weights of strong inputs, under static ranges", false, {}, false},
        {"gptq", "GPTQ", "GPTQ on least-squares grids, with the quantized activations it will meet; nothing else", false, {}},
        {"quarot", "QuaRot", "residual stream and heads turned by random Hadamard matrices folded into the weights, then GPTQ; models with RMS norms only", false, {}, false},
        {"spinquant", "SpinQuant", "the same with learned rotations", true, {}, false},
        {"omniquant-static", "OmniQuant static", "OmniQuant layer by layer under static ranges: scales of norm-linear pairs and clipping learned", true, {}, false},
        {"omniquant-edge", "OmniQuant Edge", "the same with the scales from up to down that MobileQuant adds; learn=let,lwc,ranges learns ranges, too", true, {}, false},
        {"mobilequant-paper", "MobileQuant (paper)", "MobileQuant end to end as published: scales, clipping and ranges learned together", true, {}},
        {"mobilequant", "MobileQuant", "scales and ranges in closed form, GPTQ, then steps on the divergence of the model's own distributions", true,
         {"quick", "thorough", "long"}},
    };
    return all;
}

std::string method_names()
{
    std::string names;
    for (const MethodInfo& method : method_list()) names += (names.empty() ? "" : ", ") + std::string(method.name);
    return names;
}

const MethodInfo* find_method(std::string_view name)
{
    for (const MethodInfo& method : method_list())
        if (method.name == name) return &method;
    return nullptr;
}

}  // namespace bitwright
