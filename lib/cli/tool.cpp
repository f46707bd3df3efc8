#include "cli/tool.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "seal/init.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

namespace cli {

using base::Errc;

namespace {

// What cannot be written has nowhere to be reported; fmt::print would throw.
void print_to_stderr(const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace

void report(const base::Error &error) {
    base::log::error("{}", error.message);
    if (!error.hint.empty())
        print_to_stderr(
            fmt::format("{}: hint: {}\n", base::log::tool_name(), base::plain_text(error.hint)));
}

void print_text(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_line(std::string_view line) {
    print_text(line);
    std::fputc('\n', stdout);
}

void print_row(std::string_view row) {
    print_line(base::plain_text(row));
}

void print_record(const wire::Json &record) {
    print_line(wire::compact_json(record));
}

base::Result<void> flush() {
    if (std::fflush(stdout) != 0)
        return base::fail_errno("write", "standard output");
    if (std::ferror(stdout) != 0)
        return base::fail(Errc::io, "write standard output: an earlier write failed");
    return {};
}

namespace {

int parse_failure(const CLI::App &app, const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) { // --help or --version
        const int code = app.exit(e);
        if (const auto sent = flush(); !sent) {
            report(sent.error());
            return base::exit_code(Errc::io);
        }
        return code;
    }
    report({Errc::usage, e.what(), fmt::format("{} --help shows the options", app.get_name())});
    return base::exit_code(Errc::usage);
}

int finish(const base::Result<int> &result) {
    int code = 0;
    if (result) {
        code = *result;
    } else {
        report(result.error());
        code = base::exit_code(result.error().code);
    }
    if (const auto sent = flush(); !sent) {
        report(sent.error());
        return code == 0 ? base::exit_code(Errc::io) : code;
    }
    return code;
}

} // namespace

int run_tool(int argc, char **argv, ToolInfo info,
             const std::function<void(CLI::App &app, Action &action)> &define) {
    using base::log::Level;
    base::log::setup(info.name, Level::info);
    std::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of the write that met it
    try {
        seal::init();
        CLI::App app{std::string(info.summary), std::string(info.name)};
        app.set_version_flag("--version", fmt::format("{} {}", info.name, base::k_version));
        app.get_formatter()->column_width(34);
        bool quiet = false;
        bool verbose = false;
        app.add_flag("-q,--quiet", quiet, "Print errors only");
        app.add_flag("-v,--verbose", verbose, "Print what is done, in detail");
        app.fallthrough();
        Action action;
        define(app, action);
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError &e) {
            return parse_failure(app, e);
        }
        if (quiet || verbose)
            base::log::setup(info.name, quiet ? Level::error : Level::debug);
        if (!action)
            return parse_failure(app, CLI::RequiredError("A command"));
        return finish(action());
    } catch (const std::exception &e) {
        report({Errc::bug, fmt::format("internal error: {}", e.what()),
                "this is a bug; please report it with the command line"});
        return base::exit_code(Errc::bug);
    }
}

} // namespace cli
