// The preset carrier, written into terminal.toml without touching anything else in it.
#pragma once

#include "conf/terminal.hpp"

namespace carrier {

/// @p toml with its top-level `preset` set to @p name: the value's line is changed, or one is added
/// before the first table. All other text stays as it is.
[[nodiscard]] std::string with_preset(std::string_view toml, std::string_view name);

/// Does that to the file durably (mode and owner stay), under a flock(2) of its folder. refused: no
/// [carriers.NAME]; try_again: another call has held the lock for ten seconds. True when the file
/// changed; with @p dry_run it only would have.
[[nodiscard]] base::Result<bool> write_preset(const std::filesystem::path &file,
                                              const std::string &name, bool dry_run);

} // namespace carrier
