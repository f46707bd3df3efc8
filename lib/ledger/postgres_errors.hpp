// What PostgreSQL's error codes (SQLSTATE, Appendix A of its manual) mean to those who call.
#pragma once

#include "base/result.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace ledger {

struct PostgresMeaning {
    std::string_view state; ///< the beginning of a code
    base::Errc code;
    std::string_view hint;
};

/// Null for what can only be our own mistake.
inline const PostgresMeaning *meaning_of(std::string_view state) {
    using base::Errc;
    static constexpr std::array<PostgresMeaning, 14> k_meanings{{
        {"53100", Errc::io, "free some space on the database's disk"},
        {"53", Errc::try_again, "the database has not enough memory or connections"},
        {"58", Errc::io, "see the database's log"},
        {"XX001", Errc::bad_data, "restore it from a backup"},
        {"XX002", Errc::bad_data, "REINDEX it, or restore it from a backup"},
        {"28", Errc::not_permitted,
         "see pg_hba.conf, and the passfile (.pgpass) when it is asked for"},
        {"42501", Errc::not_permitted, "make the user that connects the owner of the database"},
        {"3D000", Errc::no_input, "make the database first: createdb"},
        {"3F000", Errc::no_input, "make it with resv-control init"},
        {"42P01", Errc::no_input, "make it with resv-control init"},
        {"25006", Errc::unavailable, "it is a standby; name the primary, or both"},
        {"55P03", Errc::try_again, "another process keeps it locked"},
        {"57014", Errc::try_again, "another process keeps it locked, or it is overloaded"},
        {"23P01", Errc::bug, "two reservations of one channel would have overlapped"},
    }};

    const auto found = std::ranges::find_if(
        k_meanings, [state](const PostgresMeaning &m) { return state.starts_with(m.state); });
    return found == k_meanings.end() ? nullptr : found;
}

/// Others were faster: serialisation, deadlock, a unique key. The same work may do better.
inline bool is_conflict(std::string_view state) {
    return state == "40001" || state == "40P01" || state == "23505";
}
} // namespace ledger
