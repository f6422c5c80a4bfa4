// SPDX-License-Identifier: GPL-3.0-or-later
// The one way an operation fails in Bitwright: an exception that says which file, which field, what and what to do.
// Thrown anywhere in core; caught at a boundary only (command line, job lane, runner), which maps the kind to an exit code.
// Cancelling is not failing: `Cancelled` is deliberately no `Error`.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bitwright {

/// Why an operation failed; the command line's exit codes are 1, 2 and 3 in this order.
enum class ErrorKind { failed = 1, usage = 2, bad_input = 3 };

/// One clear sentence for the user: "FILE: FIELD: what is wrong; what to do".
class Error : public std::runtime_error {
public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
    [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

private:
    ErrorKind kind_;
};

/// Input that cannot be used. @param where file or source, @param field what in it ("" if none), @param what the fault and,
/// after a semicolon, what to do about it.
[[nodiscard]] inline Error bad_input(std::string_view where, std::string_view field, std::string_view what)
{
    std::string message(where);
    if (!field.empty()) message.append(message.empty() ? "" : ": ").append(field);
    message.append(message.empty() ? "" : ": ").append(what);
    return Error(ErrorKind::bad_input, message);
}

/// A command or a call used wrongly.
[[nodiscard]] inline Error usage_error(const std::string& what) { return Error(ErrorKind::usage, what); }

/// The environment failed us: disk full, NaN loss, no memory.
[[nodiscard]] inline Error failure(const std::string& what) { return Error(ErrorKind::failed, what); }

/// Thrown by Control::check() after somebody asked to stop. Everything on the way unwinds and leaves nothing behind.
class Cancelled : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "cancelled"; }
};

}  // namespace bitwright
