// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays as numpy.savez writes them: a zip file, stored without compression, of .npy entries.
// Invariants: every size and offset of the file is checked against the file before anything is read or allocated.
// Threading: pure function.
#pragma once

#include "core/runtime/tensor.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bitwright {

struct NpzArray {
    Shape shape;  ///< empty: a scalar
    std::vector<double> values;
};

/// By name, without ".npy". Little-endian floats and integers up to 64 bits in C order. Throws Error (bad_input) naming file and entry; compressed entries are
/// refused (numpy.savez writes none).
[[nodiscard]] std::map<std::string, NpzArray> read_npz(const std::filesystem::path& path);

}  // namespace bitwright
