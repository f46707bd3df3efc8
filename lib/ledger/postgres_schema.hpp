#pragma once

#include <cstdint>
#include <string>

namespace ledger {

/// The statements that make an empty PostgreSQL ledger, in a schema `slotcast` of its own.
[[nodiscard]] std::string postgres_schema();

} // namespace ledger
