// Which event is next, and waiting for it.
#pragma once

#include "base/clock.hpp"
#include "vault/vault.hpp"

#include <optional>

namespace vault {

/// The earliest of @p events (sorted by start) that is not over at @p now; with @p within only when
/// its programme starts no later than that from now.
[[nodiscard]] std::optional<Summary> next_event(const std::vector<Summary> &events,
                                                base::UtcTime now,
                                                std::optional<base::Millis> within);

/// next_event() of what @p vault holds now. Documents that cannot be used are warned of.
[[nodiscard]] base::Result<std::optional<Summary>>
find_next(const Vault &vault, const base::Clock &clock, std::optional<base::Millis> within);

/// Waits until next_event() has an answer; nothing when @p stop_fd became readable first. Sees what
/// other commands add to the vault at once, and steps of the clock within 10 s. Documents that
/// cannot be used are warned of once.
[[nodiscard]] base::Result<std::optional<Summary>> wait_for_next(const Vault &vault,
                                                                 const base::Clock &clock,
                                                                 std::optional<base::Millis> within,
                                                                 int stop_fd);

} // namespace vault
