// What a person typed after slots and book, as a request.
#pragma once

#include "client/reservations.hpp"
#include "conf/terminal.hpp"

namespace client {

/// Words as they stand on the command line; empty: not given.
struct Words {
    std::string zone; ///< of times without one
    std::string from, to, end, duration, title, disclosure, password_file;
    std::optional<std::string> start, rate, offer; // an empty one is wrong, not missing
    std::optional<std::int64_t> viewers;
    std::optional<std::string> channel;
    std::vector<std::string> carriers, notify;
    bool hold = false;
};

/// A time that is not past. usage: it is, or is none; @p option is named.
[[nodiscard]] base::Result<base::UtcTime> read_time(const Words &words, std::string_view option,
                                                    const std::string &text, base::UtcTime now);

/// The request of book, or the offer it takes. Reads the password's file. usage: what is missing,
/// contradicts itself, or control would refuse as malformed.
[[nodiscard]] base::Result<Change>
read_booking(const Words &words, const conf::TerminalConfig &config, base::UtcTime now);

[[nodiscard]] base::Result<SlotQuery>
read_slot_query(const Words &words, const conf::TerminalConfig &config, base::UtcTime now);

} // namespace client
