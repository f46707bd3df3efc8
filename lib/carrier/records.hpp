// What carrier-connect prints: records for programs, tables for people. See carrier-connect(8).
#pragma once

#include "carrier/connector.hpp"
#include "wire/json.hpp"

namespace carrier {

/// `{"type":"carrier","v":1,…}`
[[nodiscard]] wire::Json record(const Status &status);
/// `{"type":"step","v":1,"action":…,"command":…}`
[[nodiscard]] wire::Json record(const route::Step &step);
[[nodiscard]] wire::Json record(const LineStep &step);
/// All steps, in order.
[[nodiscard]] std::vector<wire::Json> records(const Outcome &outcome);

/// `carrier-connect status --table`, with its headings.
[[nodiscard]] std::string table(const std::vector<Status> &statuses);

} // namespace carrier
