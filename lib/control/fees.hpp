// What a reservation costs by the tariffs of the configuration.
#pragma once

#include "control/config.hpp"

namespace control {

/// The fee of @p channel and all of @p carriers for a programme of @p duration; none when the
/// configuration has no currency. refused: beyond 64 bits.
[[nodiscard]] base::Result<std::optional<resv::Money>>
quote(const Config &config, const std::string &channel, const std::vector<std::string> &carriers,
      base::Millis duration);

} // namespace control
