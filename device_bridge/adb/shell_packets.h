// SPDX-License-Identifier: GPL-3.0-or-later
// The packets of shell protocol v2: u8 id, u32 length (little endian), bytes (spec device.md §1.2).
// Threading: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright {

enum class ShellPacketId : std::uint8_t { input = 0, output = 1, error = 2, exit = 3, close_input = 4, window = 5 };

/// A packet as bytes.
[[nodiscard]] std::string shell_packet(ShellPacketId id, std::string_view bytes);

/// Output, errors and the exit code out of a stream in pieces of any size. Contents pass through as they come, so a packet's announced length costs no memory;
/// ids that nobody knows are skipped.
class ShellPacketReader {
public:
    std::function<void(std::string_view)> on_output, on_error;

    void feed(std::string_view bytes);
    /// The command's exit code, once its packet has arrived. Without it a command has not ended: the connection did.
    [[nodiscard]] std::optional<int> exit_code() const noexcept { return exit_code_; }

private:
    std::string head_;
    std::uint8_t id_ = 0;
    std::uint32_t left_ = 0;
    std::optional<int> exit_code_;
};

}  // namespace bitwright
