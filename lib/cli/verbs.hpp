// The verbs of a program such as `resv-store add FILE`: each a function of the program's options.
#pragma once

#include "cli/tool.hpp"

#include <CLI/CLI.hpp>

namespace cli {

/// Adds verbs to a program. Parsing only chooses one; it runs as the program's Action, after
/// @p guard (such as base::harden_process), if any. Borrows what it is given, until the program
/// ends.
template <typename Options> class Verbs {
  public:
    using Run = base::Result<int> (*)(const Options &);
    using Guard = base::Result<void> (*)();

    Verbs(CLI::App &app, Action &action, const Options &options, Guard guard = nullptr)
        : m_app(app), m_action(action), m_options(options), m_guard(guard) {}

    /// A verb; what comes back takes its options.
    CLI::App *add(const char *name, const char *summary, Run run) {
        CLI::App *verb = m_app.add_subcommand(name, summary);
        verb->callback([&action = m_action, &options = m_options, guard = m_guard, run] {
            action = [&options, guard, run]() -> base::Result<int> {
                if (guard != nullptr)
                    TRY(guard());
                return run(options);
            };
        });
        return verb;
    }

    /// --print-config, which is done in place of a verb.
    void print_config(Run run) {
        const std::string summary = "Show the configuration in force";
        const CLI::Option *flag = m_app.add_flag("--print-config", summary);
        m_app.callback([&action = m_action, &options = m_options, flag, run] {
            if (flag->count() > 0)
                action = [&options, run] { return run(options); };
        });
    }

  private:
    CLI::App &m_app;
    Action &m_action;
    const Options &m_options;
    Guard m_guard;
};

} // namespace cli
