// SPDX-License-Identifier: GPL-3.0-or-later
// The gated MLP between its products, a few thousand values at a time.
#include "core/numerics/quantize/fused_parts.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/sigmoid.h>

namespace bitwright {
namespace {

using namespace fused;

constexpr std::size_t quantizers = 5;  // gate, sigmoid, activation, up, down input
constexpr std::int64_t values_per_task = 8192;

struct Loops {
    Loop gate, sigmoid, activation, up, down;
    Loops(const variable_list& scales, const variable_list& offsets, const std::array<CodeLimits, quantizers>& limits)
        : gate(scales[0], offsets[0], limits[0]), sigmoid(scales[1], offsets[1], limits[1]), activation(scales[2], offsets[2], limits[2]),
          up(scales[3], offsets[3], limits[3]), down(scales[4], offsets[4], limits[4])
    {
    }
};

// The values of one task, step by step; what the backward pass needs again.
class Steps {
public:
    Steps() : space_(at::empty({8, values_per_task}))
    {
        for (std::int64_t i = 0; i < 8; ++i) rows_[static_cast<std::size_t>(i)] = space_.mutable_data_ptr<float>() + i * values_per_task;
    }
    float *g() { return rows_[0]; }            ///< gate after its quantizer
    float *sigmoid() { return rows_[1]; }      ///< σ(g)
    float *sigmoid_q() { return rows_[2]; }    ///< after its quantizer
    float *act() { return rows_[3]; }          ///< g·σ̂
    float *act_q() { return rows_[4]; }
    float *up() { return rows_[5]; }
    float *product() { return rows_[6]; }      ///< before the last quantizer
    float *spare() { return rows_[7]; }

    void run(const Loops& q, const float* gate, const float* up_values, std::int64_t n)
    {
        q.gate.forward(gate, g(), n);
        // LibTorch's: its exponential decides codes
        Tensor from = space_.select(0, 0).narrow(0, 0, n), to = space_.select(0, 1).narrow(0, 0, n);
        at::sigmoid_out(to, from);
        q.sigmoid.forward(sigmoid(), sigmoid_q(), n);
        quantize::multiply_run(g(), sigmoid_q(), act(), n);
        q.activation.forward(act(), act_q(), n);
        q.up.forward(up_values, up(), n);
        quantize::multiply_run(act_q(), up(), product(), n);
    }

private:
    Tensor space_;
    std::array<float*, 8> rows_{};
};

Tensor gated(const Tensor& gate, const Tensor& up, const Loops& q)
{
    Tensor out = at::empty_like(gate);
    in_tasks(gate.numel(), values_per_task * 8, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
        const c10::NoGradGuard no_grad;  // on every thread
        Steps steps;
        for (std::int64_t at = begin; at < end; at += values_per_task) {
            const std::int64_t n = std::min(values_per_task, end - at);
            steps.run(q, gate.const_data_ptr<float>() + at, up.const_data_ptr<float>() + at, n);
            q.down.forward(steps.product(), out.mutable_data_ptr<float>() + at, n);
        }
    });
    return out;
}

class GatedSilu : public Function<GatedSilu> {
public:
    static Tensor forward(AutogradContext* context, const Tensor& gate, const Tensor& up, const Tensor& s0, const Tensor& o0, const Tensor& s1, const Tensor& o1,
                          const Tensor& s2, const Tensor& o2, const Tensor& s3, const Tensor& o3, const Tensor& s4, const Tensor& o4,
                          std::array<CodeLimits, quantizers> limits)
    {
        context->save_for_backward({gate, up, s0, s1, s2, s3, s4, o0, o1, o2, o3, o4});
        std::vector<std::int64_t> kept;
        for (const CodeLimits& l : limits) kept.insert(kept.end(), {l.min, l.max});
        context->saved_data["limits"] = kept;
        return gated(gate, up, Loops({s0, s1, s2, s3, s4}, {o0, o1, o2, o3, o4}, limits));
    }

    static variable_list backward(AutogradContext* context, variable_list grads)
    {
        const auto saved = context->get_saved_variables();
        const Tensor &gate = saved[0], &up = saved[1];
        const variable_list scales(saved.begin() + 2, saved.begin() + 7), offsets(saved.begin() + 7, saved.end());
        const auto kept = context->saved_data["limits"].toIntVector();
        std::array<CodeLimits, quantizers> limits;
        for (std::size_t i = 0; i < quantizers; ++i) limits[i] = {kept[2 * i], kept[2 * i + 1]};
        const Loops q(scales, offsets, limits);
        const Tensor grad = grads[0].contiguous();
        Tensor to_gate = at::empty_like(gate), to_up = at::empty_like(up);
        const std::int64_t step = values_per_task * 8;
        Sums sums((gate.numel() + step - 1) / step, quantizers);
        in_tasks(gate.numel(), step, [&](std::int64_t begin, std::int64_t end, std::int64_t task) {
            const c10::NoGradGuard no_grad;  // on every thread
            Steps steps;
            std::vector<float> space(static_cast<std::size_t>(2 * values_per_task));
            float *a = space.data(), *b = a + values_per_task;
            for (std::int64_t at = begin; at < end; at += values_per_task) {
                const std::int64_t n = std::min(values_per_task, end - at);
                const float *gate_values = gate.const_data_ptr<float>() + at, *up_values = up.const_data_ptr<float>() + at;
                steps.run(q, gate_values, up_values, n);
                q.down.backward(steps.product(), grad.const_data_ptr<float>() + at, a, n, sums.of(task, 4));
                quantize::multiply_run(a, steps.act_q(), b, n);
                q.up.backward(up_values, b, to_up.mutable_data_ptr<float>() + at, n, sums.of(task, 3));
                quantize::multiply_run(a, steps.up(), a, n);
                q.activation.backward(steps.act(), a, a, n, sums.of(task, 2));
                quantize::multiply_run(a, steps.g(), b, n);
                q.sigmoid.backward(steps.sigmoid(), b, b, n, sums.of(task, 1));
                // to g: through the product, and through σ' = σ(1 − σ)
                quantize::sigmoid_gate_run(a, steps.sigmoid_q(), b, steps.sigmoid(), a, n);
                q.gate.backward(gate_values, a, to_gate.mutable_data_ptr<float>() + at, n, sums.of(task, 0));
            }
        });
        variable_list out{to_gate, to_up};
        for (std::size_t i = 0; i < quantizers; ++i) {
            const auto [scale, offset] = sums.gradients(i, scales[i], offsets[i]);
            out.push_back(scale);
            out.push_back(offset);
        }
        out.emplace_back();
        return out;
    }
};

}  // namespace

Tensor gated_silu(const Tensor& gate, const Tensor& up, const GateQuantizers& q)
{
    const Tensor g = gate.contiguous(), u = up.contiguous();
    const std::array<const Quantizer*, quantizers> all{&q.gate, &q.sigmoid, &q.activation, &q.up, &q.down_input};
    variable_list s, o;
    std::array<CodeLimits, quantizers> limits;
    bool keep = recorded(g, u);
    for (std::size_t i = 0; i < quantizers; ++i) {
        s.push_back(given(all[i]->scale));
        o.push_back(given(all[i]->offset));
        limits[i] = all[i]->limits;
        keep = keep || recorded(s[i], o[i]);
    }
    if (!keep) return gated(g, u, Loops(s, o, limits));
    return GatedSilu::apply(g, u, s[0], o[0], s[1], o[1], s[2], o[2], s[3], o[3], s[4], o[4], limits);
}

}  // namespace bitwright
