// Fees in documents: `"fee":{"minor":12500,"currency":"EUR"}`.
#pragma once

#include "resv/fee.hpp"
#include "wire/json.hpp"

namespace wire {

/// Adds the member `fee` to @p out, when there is one.
void put_fee(JsonObject &out, const std::optional<resv::Money> &fee);
/// The member `fee`, when it is there.
[[nodiscard]] base::Result<std::optional<resv::Money>> read_fee(ObjectReader &in);

} // namespace wire
