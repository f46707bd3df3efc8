// Expected failures are values: every function that can fail at run time returns Result<T>.
#pragma once

#include <cerrno>
#include <expected>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>

namespace base {

/// Why something failed, in the terms of the exit codes (sysexits.h and the manual's EXIT STATUS).
enum class Errc {
    refused = 1,        ///< the answer is no: refused, full, not found
    usage = 64,         ///< the command line is wrong
    bad_data = 65,      ///< the input is malformed, forged or not for us
    no_input = 66,      ///< the input is missing or empty
    unavailable = 69,   ///< a service or network is not there
    bug = 70,           ///< our own fault
    io = 74,            ///< reading or writing failed
    try_again = 75,     ///< a temporary condition: the same call may work later
    protocol = 76,      ///< the peer broke the protocol
    not_permitted = 77, ///< needs a privilege or a key that is not there
    config = 78,        ///< the configuration is wrong
};

/// The process exit code for @p code.
constexpr int exit_code(Errc code) {
    return static_cast<int>(code);
}

/// One failure. `message` names operation, object and cause; `hint` the remedy (may be empty).
/// Neither ever holds a secret.
struct Error {
    Errc code = Errc::bug;
    std::string message;
    std::string hint = {};

    /// The same error with @p prefix and ": " before its message.
    [[nodiscard]] Error in(std::string_view prefix) && {
        message = fmt::format("{}: {}", prefix, message);
        return std::move(*this);
    }
};

template <typename T> using Result = std::expected<T, Error>;

/// `return fail(Errc::io, "open {}: {}", path, cause);`
template <typename... Args>
[[nodiscard]] std::unexpected<Error> fail(Errc code, fmt::format_string<Args...> text,
                                          Args &&...args) {
    return std::unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

/// fail() with a remedy.
template <typename... Args>
[[nodiscard]] std::unexpected<Error> fail_hint(Errc code, std::string hint,
                                               fmt::format_string<Args...> text, Args &&...args) {
    return std::unexpected(
        Error{code, fmt::format(text, std::forward<Args>(args)...), std::move(hint)});
}

/// The text of an errno value, thread-safe.
[[nodiscard]] std::string errno_text(int err);

/// fail() for a system call: `operation object: cause`, with the exit code and remedy that fit
/// the errno (EACCES → not_permitted, ENOENT → no_input, ENOSPC → io with a hint …).
[[nodiscard]] std::unexpected<Error> fail_errno(std::string_view operation, std::string_view object,
                                                int err = errno);

} // namespace base

#define SLOTCAST_CAT2(a, b) a##b
#define SLOTCAST_CAT(a, b) SLOTCAST_CAT2(a, b)
#define SLOTCAST_TRY_AS(name, expr)                                                                \
    __extension__({                                                                                \
        auto name = (expr);                                                                        \
        if (!name) [[unlikely]]                                                                    \
            return std::unexpected(std::move(name).error());                                       \
        *std::move(name);                                                                          \
    })

/// The value of a Result, or return its error from the enclosing function. Not for coroutines, and
/// not within `T{…}` beside other members: it returns past those that are made already, and they
/// leak (`make lint` refuses it).
#define TRY(expr) SLOTCAST_TRY_AS(SLOTCAST_CAT(try_, __COUNTER__), expr)
