// What the statements of SqlTransaction and of drafts share: rows and fields of a fixed size.
#pragma once

#include "ledger/records.hpp"
#include "ledger/sql.hpp"

#include <algorithm>
#include <array>

namespace ledger {

template <std::size_t N> base::Result<std::array<std::uint8_t, N>> fixed(const seal::Bytes &bytes) {
    std::array<std::uint8_t, N> out{};
    if (bytes.size() != N)
        return base::fail(base::Errc::bad_data, "ledger: a field has {} bytes instead of {}",
                          bytes.size(), N);
    std::ranges::copy(bytes, out.begin());
    return out;
}

// The only row, or nothing.
template <typename T, typename Read>
base::Result<std::optional<T>> one(const std::unique_ptr<Rows> &rows, Read read) {
    if (!TRY(rows->next()))
        return std::nullopt;
    return TRY(read(*rows));
}

// The values of a row, in the order of its table's columns. They borrow from what they are of.

constexpr std::size_t k_booking_columns = 28;
/// @p request is filled, and borrowed from too.
[[nodiscard]] std::array<Value, k_booking_columns> booking_row(const Booking &booking,
                                                               std::string &request);
constexpr std::size_t k_demand_columns = 6;
[[nodiscard]] std::array<Value, k_demand_columns> demand_row(const Booking &booking,
                                                             const resv::Load &load);
constexpr std::size_t k_history_columns = 4;
[[nodiscard]] std::array<Value, k_history_columns> history_row(const HistoryEntry &entry);
constexpr std::size_t k_answer_columns = 6;
[[nodiscard]] std::array<Value, k_answer_columns> answer_row(const StoredAnswer &answer);
extern const std::string_view k_replace_answer; ///< what follows the rows
/// Of the columns by, key, request, status, body, created_ms.
[[nodiscard]] base::Result<StoredAnswer> read_answer(const Rows &row);

[[nodiscard]] base::Result<void> put_notice(Sql &sql, const Notice &notice);
/// Something takes as long as @p ms.
[[nodiscard]] base::Result<void> raise_longest(Sql &sql, std::int64_t ms);

} // namespace ledger
