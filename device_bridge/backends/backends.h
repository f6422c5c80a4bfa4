// SPDX-License-Identifier: GPL-3.0-or-later
// Every back end's maker; make_backend() is the way in for everybody else.
#pragma once

#include "device_bridge/backends/backend.h"

namespace bitwright::backends {

[[nodiscard]] std::unique_ptr<Backend> make_llama_cpp();

}  // namespace bitwright::backends
