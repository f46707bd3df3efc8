// relay-poster: the process that makes a picture of an event's media for relay-serve.
#include "base/harden.hpp"
#include "cli/tool.hpp"
#include "confine/process.hpp"
#include "media/gst_still.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace {

// The libraries are loaded, and there are no threads yet.
base::Result<void> confine_all() {
    TRY(confine::files());
    return confine::calls(confine::Work::decode);
}

base::Result<int> make_poster() {
    TRY(base::harden_process());
    TRY(media::write_still(STDIN_FILENO, STDOUT_FILENO, confine_all));
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    return cli::run_tool(
        argc, argv,
        {"relay-poster", "Make a JPEG of the transport stream in the file on standard input"},
        [](CLI::App &app, cli::Action &action) {
            app.callback([&action] { action = make_poster; });
        });
}
