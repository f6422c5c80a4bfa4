// SPDX-License-Identifier: GPL-3.0-or-later
// The definition as a kernel set: weights stay in rows and every operation is the scalar reference's. Never chosen by itself; what the others are held against.
#include "core/runtime/kernels/kernel_set.h"

namespace bitwright {

const KernelSet& reference_kernels() noexcept
{
    static const KernelSet made = [] {
        KernelSet set;
        set.name = "reference";
        set.normalize = [](const Norm& op, Codes16 in, std::span<std::int16_t> out) noexcept { normalize(op, in, out); };
        set.residual_add = [](const ResidualAdd& op, std::span<const Codes16> addends, std::span<std::int16_t> out) noexcept { residual_add(op, addends, out); };
        set.rotate = [](const Rotation& op, std::int64_t position, Codes16 in, std::span<std::int16_t> out) noexcept { rotate(op, position, in, out); };
        set.activate = [](const ActivationTable& op, Codes16 in, std::span<std::int16_t> out) noexcept { activate(op, in, out); };
        set.multiply = [](const Product& op, Codes16 a, Codes16 b, std::span<std::int16_t> out) noexcept { multiply(op, a, b, out); };
        return set;
    }();
    return made;
}

}  // namespace bitwright
