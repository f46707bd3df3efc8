// Diagnostics: one line each on stderr, `tool: level: text`. Never a secret.
#pragma once

#include <fmt/format.h>
#include <string_view>

namespace base::log {

enum class Level { error, warning, info, debug };

/// Sets the program's name (once, at start; @p tool must outlive the process) and the most
/// detailed level that is printed.
void setup(std::string_view tool, Level level);
[[nodiscard]] std::string_view tool_name();

/// Prints one line with a single write(2); thread-safe. Control characters in @p text, which may
/// come from a peer, are replaced.
void write(Level level, std::string_view text);
[[nodiscard]] bool enabled(Level level);

template <typename... A> void error(fmt::format_string<A...> f, A &&...a) {
    write(Level::error, fmt::format(f, std::forward<A>(a)...));
}
template <typename... A> void warning(fmt::format_string<A...> f, A &&...a) {
    if (enabled(Level::warning))
        write(Level::warning, fmt::format(f, std::forward<A>(a)...));
}
template <typename... A> void info(fmt::format_string<A...> f, A &&...a) {
    if (enabled(Level::info))
        write(Level::info, fmt::format(f, std::forward<A>(a)...));
}
template <typename... A> void debug(fmt::format_string<A...> f, A &&...a) {
    if (enabled(Level::debug))
        write(Level::debug, fmt::format(f, std::forward<A>(a)...));
}

} // namespace base::log
