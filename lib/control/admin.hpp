// What the administrator's commands show, as records of one JSON object each.
#pragma once

#include "base/id.hpp"
#include "control/config.hpp"
#include "wire/json.hpp"

namespace control {

/// Every reservation, oldest first: the records that its owner sees.
[[nodiscard]] base::Result<std::vector<wire::Json>> reservation_records(const Config &config,
                                                                        base::UtcTime now);

/// The history of a reservation, oldest entry first. bad_data: it is broken; refused: there is no
/// such reservation.
[[nodiscard]] base::Result<std::vector<wire::Json>> history_records(const Config &config,
                                                                    const base::Id &id);

/// `{"type":"relay","v":1,"name",…,"enrolled":bool,"key_id","seen"}` for each configured relay.
[[nodiscard]] base::Result<std::vector<wire::Json>> relay_records(const Config &config);

/// `{"type":"check","v":1,"name","ok","detail","hint"}` for all that serving needs beside the
/// configuration's own rules: data folder, keys, ledger, certificate, enrolled relays.
[[nodiscard]] std::vector<wire::Json> check_records(const Config &config, base::UtcTime now);

/// `{"type":"login","v":1,"url","expires"}`: a link that opens the calendar in a browser, once, for
/// who runs control.
[[nodiscard]] base::Result<wire::Json> calendar_link(const Config &config, base::UtcTime now);

/// Follows the history of every reservation; bad_data names the first broken link.
[[nodiscard]] base::Result<std::string> check_histories(const Config &config);

/// Control's public key: `{"type":"control","v":1,"key","key_id","data"}`.
[[nodiscard]] base::Result<wire::Json> control_record(const Config &config);

} // namespace control
