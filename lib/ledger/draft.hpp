// What works have written and the database has not heard of: many rows, in few statements.
#pragma once

#include "ledger/records.hpp"
#include "ledger/sql.hpp"

#include <vector>

namespace ledger {

/// Rows that take no look at what is there already. Their bookings are new.
struct Draft {
    struct Added {
        Booking booking;
        std::vector<resv::Load> loads;
    };
    std::vector<Added> bookings;
    std::vector<HistoryEntry> history;
    std::vector<Notice> notices;

    [[nodiscard]] bool empty() const {
        return bookings.empty() && history.empty() && notices.empty();
    }
    [[nodiscard]] Added *find(const base::Id &id);
    void append(Draft more);
};

/// What @p booking takes of each of @p demands, with its preflight; none of no units.
[[nodiscard]] std::vector<resv::Load> loads_of(const Booking &booking,
                                               const std::vector<resv::Demand> &demands);

/// How long anything of it takes.
[[nodiscard]] std::int64_t longest_of(const Draft &draft);

/// Writes all of it, but nothing about the longest. An error may be that of a later statement, see
/// Sql::run_with.
[[nodiscard]] base::Result<void> write_draft(Sql &sql, const Draft &draft);
[[nodiscard]] base::Result<void> write_answers(Sql &sql, const std::vector<StoredAnswer> &answers);

/// `@p into VALUES (?, …), … @p rest` for rows of @p columns values, as often as it takes: the
/// statements are prepared ones, so there are few different ones.
[[nodiscard]] base::Result<void> insert_rows(Sql &sql, std::string_view into, std::size_t columns,
                                             Sql::Values values, std::string_view rest = {});

} // namespace ledger
