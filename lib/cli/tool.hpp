// How every program starts and ends: options, errors on stderr, exit codes, output that is checked.
#pragma once

#include "base/result.hpp"
#include "wire/json.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace cli {

/// What the chosen command does; its value is the exit code.
using Action = std::function<base::Result<int>()>;

struct ToolInfo {
    std::string_view name;    ///< must be a literal
    std::string_view summary; ///< one line for --help
};

/// Parses the command line with the options that @p define adds, then runs the Action that
/// @p define (or a subcommand's callback) stored. Adds --help, --version, --quiet and --verbose.
/// Errors go to stderr as `tool: error: …` and `tool: hint: …`; standard output is flushed and a
/// failed write is an error (74). An exception is our bug (70). Returns main's value.
int run_tool(int argc, char **argv, ToolInfo info,
             const std::function<void(CLI::App &app, Action &action)> &define);

/// Appends @p line and a newline to standard output (buffered; flush() or the end of the program
/// sends it).
void print_line(std::string_view line);
/// The same with a line of a table, which may hold other people's text: as base::plain_text().
void print_row(std::string_view row);
/// The same with text whose lines all end in a newline already.
void print_text(std::string_view text);
/// The same with a record: one JSON object, one line.
void print_record(const wire::Json &record);
/// Sends what was printed; io when standard output cannot take it.
[[nodiscard]] base::Result<void> flush();

/// What was read from @p option's text; a failure becomes a usage error that names the option.
template <typename T>
[[nodiscard]] base::Result<T> option_value(std::string_view option, base::Result<T> read) {
    if (read)
        return read;
    base::Error e = std::move(read).error().in(option);
    e.code = base::Errc::usage;
    return std::unexpected(std::move(e));
}

/// Prints an error as run_tool does, without ending the program.
void report(const base::Error &error);

} // namespace cli
