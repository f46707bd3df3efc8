// What an administrator asks: would it start here (check), and how is the running one (status).
#pragma once

#include "confine/process.hpp"
#include "relay/config.hpp"
#include "wire/json.hpp"

#include <vector>

namespace relay {

/// One thing that `relay-serve check` looked at: the record `{"type":"check","v":1,…}`.
struct CheckItem {
    std::string what; ///< "keys", "http", "ingest.lineA" …
    std::optional<base::Error> error;
    std::string note; ///< worth knowing, and no fault
};
[[nodiscard]] wire::Json to_json(const CheckItem &item);

/// Whether the processes that face strangers can be confined. Landlock they do without, which the
/// note says.
[[nodiscard]] CheckItem check_confinement(const confine::Support &support, bool built);

/// Keys, the ingest program, its user, what confines it, and every address. Changes nothing.
[[nodiscard]] std::vector<CheckItem> check_relay(const RelayConfig &config);

/// Waits a moment for every ingest address to be free: the processes of a relay-serve that was
/// killed are ended by then. unavailable: it is another's, or not this machine's.
[[nodiscard]] base::Result<void> await_udp_addresses(const RelayConfig &config);

/// The records of `relay-serve status`, of the running relay's metrics: one of the relay, then one
/// of each reservation. unavailable: it does not run, or not here.
[[nodiscard]] base::Result<std::vector<wire::Json>> relay_status(const RelayConfig &config);

/// The same from the metrics' text; pure.
[[nodiscard]] std::vector<wire::Json> status_records(std::string_view metrics);

/// Lines for people of what status_records() gave: one of the relay, a header, a row for each
/// reservation.
[[nodiscard]] std::vector<std::string> status_table(const std::vector<wire::Json> &records);

} // namespace relay
