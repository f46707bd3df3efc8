// What somebody asks for, as typed at the command line, and the questions to control it becomes.
#pragma once

#include "client/reservations.hpp"

namespace client {

/// The words of slots, book and extend; empty: not given.
struct Order {
    std::string zone; ///< of times without one; empty: the machine's
    std::string from, to;
    std::string end, duration;
    std::optional<std::string> start, rate, offer; // an empty one is wrong, not missing
    std::optional<std::int64_t> viewers;
    std::optional<std::string> channel;
    std::vector<std::string> carriers;
    std::optional<std::string> title;
    std::string disclosure; ///< public when empty
    std::string password_file;
    std::vector<std::string> notify;
    bool hold = false;
    bool at_once = false;
    std::optional<std::string> repeat; ///< a rule of RFC 5545
    std::string on_clash;              ///< all-or-nothing when empty
};

// Each fails with usage, naming the option, on what control would refuse as malformed: before
// anything is sent. Times before @p now are refused.

/// The request of book, or the offer it takes. Reads the password file, too, and hashes the
/// password, which takes a moment.
[[nodiscard]] base::Result<Change> booking_of(const Order &order, base::UtcTime now);
/// The change of reservation @p id, only if it still has @p revision.
[[nodiscard]] base::Result<Change> amendment_of(const Order &order, const base::Id &id,
                                                std::optional<std::int64_t> revision,
                                                base::UtcTime now);
[[nodiscard]] base::Result<Change> extension_of(const Order &order, const base::Id &id,
                                                base::UtcTime now);
[[nodiscard]] base::Result<SlotQuery> query_of(const Order &order, base::UtcTime now);

} // namespace client
