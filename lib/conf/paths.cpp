#include "conf/paths.hpp"

#include <cstdlib>
#include <unistd.h>

namespace conf {

namespace fs = std::filesystem;

namespace {

fs::path folder(const char *for_root, const char *xdg, const char *below_home) {
    if (::geteuid() == 0)
        return for_root;
    if (const auto base = environment(xdg))
        return fs::path(*base) / "slotcast";
    return fs::path(environment("HOME").value_or("/nonexistent")) / below_home / "slotcast";
}

} // namespace

std::optional<std::string> environment(const char *name) {
    const char *value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    if (value == nullptr || *value == '\0')
        return std::nullopt;
    return value;
}

fs::path config_folder() {
    return folder("/etc/slotcast", "XDG_CONFIG_HOME", ".config");
}
fs::path data_folder() {
    return folder("/var/lib/slotcast", "XDG_DATA_HOME", ".local/share");
}
fs::path state_folder() {
    return folder("/run/slotcast", "XDG_RUNTIME_DIR", ".local/state");
}

fs::path config_file(const std::string &flag, const char *name) {
    fs::path chosen = config_folder() / name;
    if (!flag.empty())
        chosen = flag;
    else if (const auto set = environment("SLOTCAST_CONFIG"))
        chosen = *set;
    std::error_code ignored;
    return fs::is_directory(chosen, ignored) ? chosen / name : chosen;
}

} // namespace conf
