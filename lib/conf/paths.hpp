// Where files are looked for: /etc, /var/lib and /run for root, the XDG folders for a user.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace conf {

/// `/etc/slotcast` or `$XDG_CONFIG_HOME/slotcast`.
[[nodiscard]] std::filesystem::path config_folder();
/// `/var/lib/slotcast` or `$XDG_DATA_HOME/slotcast`.
[[nodiscard]] std::filesystem::path data_folder();
/// `/run/slotcast` or `$XDG_RUNTIME_DIR/slotcast`.
[[nodiscard]] std::filesystem::path state_folder();

/// The environment variable, when set and not empty.
[[nodiscard]] std::optional<std::string> environment(const char *name);

/// The configuration file to read: @p flag (from --config), else `$SLOTCAST_CONFIG`, else @p name
/// in config_folder(). The flag or the variable may name a folder, which then holds @p name.
[[nodiscard]] std::filesystem::path config_file(const std::string &flag, const char *name);

} // namespace conf
