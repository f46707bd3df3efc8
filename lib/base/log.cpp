#include "base/log.hpp"

#include "base/text.hpp"

#include <array>
#include <atomic>
#include <string>
#include <unistd.h>

namespace base::log {

namespace {
std::string_view g_tool{"slotcast"}; // set once, before any thread starts
std::atomic<Level> g_level{Level::info};
} // namespace

void setup(std::string_view tool, Level level) {
    g_tool = tool;
    g_level = level;
}

std::string_view tool_name() {
    return g_tool;
}

bool enabled(Level level) {
    return level <= g_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view text) {
    static constexpr std::array<std::string_view, 4> k_names{"error", "warning", "info", "debug"};
    if (!enabled(level))
        return;
    const std::string line = fmt::format(
        "{}: {}: {}\n", g_tool, k_names[static_cast<std::size_t>(level)], plain_text(text));
    // A log line that cannot be written has nowhere to be reported.
    [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace base::log
