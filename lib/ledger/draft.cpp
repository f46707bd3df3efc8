#include "ledger/draft.hpp"

#include "ledger/sql_rows.hpp"
#include "resv/catalogue.hpp"

#include <bit>
#include <deque>
#include <iterator>

namespace ledger {

using base::Result;

namespace {

constexpr std::size_t k_most_rows = 64; // of one statement

Result<void> write_bookings(Sql &sql, const Draft &draft) {
    std::vector<Value> rows;
    std::vector<Value> demands;
    std::deque<std::string> requests; // which the values borrow
    rows.reserve(draft.bookings.size() * k_booking_columns);
    for (const auto &[booking, loads] : draft.bookings) {
        std::ranges::copy(booking_row(booking, requests.emplace_back()), std::back_inserter(rows));
        for (const resv::Load &load : loads)
            std::ranges::copy(demand_row(booking, load), std::back_inserter(demands));
    }
    TRY(insert_rows(sql, "INSERT INTO reservations", k_booking_columns, rows));
    return insert_rows(sql, "INSERT INTO demands", k_demand_columns, demands);
}

} // namespace

Draft::Added *Draft::find(const base::Id &id) {
    const auto found =
        std::ranges::find(bookings, id, [](const Added &added) { return added.booking.id; });
    return found == bookings.end() ? nullptr : &*found;
}

void Draft::append(Draft more) {
    std::ranges::move(more.bookings, std::back_inserter(bookings));
    std::ranges::move(more.history, std::back_inserter(history));
    std::ranges::move(more.notices, std::back_inserter(notices));
}

std::vector<resv::Load> loads_of(const Booking &booking, const std::vector<resv::Demand> &several) {
    const auto demands = resv::joined(several);
    std::vector<resv::Load> out;
    out.reserve(2 * demands.size());
    for (const resv::Demand &d : demands)
        out.push_back({d.resource, resv::occupied(booking.life.window), d.units});
    if (booking.preflight)
        for (const resv::Demand &d : resv::demands_of_preflight(demands))
            out.push_back({d.resource, *booking.preflight, d.units});
    return out;
}

std::int64_t longest_of(const Draft &draft) {
    std::int64_t out = 0;
    for (const auto &[booking, loads] : draft.bookings)
        for (const resv::Load &load : loads)
            out = std::max<std::int64_t>(out, (load.span.to - load.span.from).count());
    return out;
}

Result<void> insert_rows(Sql &sql, std::string_view into, std::size_t columns, Sql::Values values,
                         std::string_view rest) {
    std::string row = " (?";
    for (std::size_t i = 1; i < columns; ++i)
        row += ", ?";
    row += "),";
    while (!values.empty()) {
        const std::size_t rows = std::min(std::bit_floor(values.size() / columns), k_most_rows);
        std::string text{into};
        text += " VALUES";
        for (std::size_t i = 0; i < rows; ++i)
            text += row;
        text.back() = ' ';
        text += rest;
        TRY(sql.run_with(text, values.first(rows * columns)));
        values = values.subspan(rows * columns);
    }
    return {};
}

Result<void> write_draft(Sql &sql, const Draft &draft) {
    TRY(write_bookings(sql, draft));
    std::vector<Value> history;
    for (const HistoryEntry &e : draft.history)
        std::ranges::copy(history_row(e), std::back_inserter(history));
    TRY(insert_rows(sql, "INSERT INTO history", k_history_columns, history));
    for (const Notice &n : draft.notices)
        TRY(put_notice(sql, n));
    return {};
}

Result<void> write_answers(Sql &sql, const std::vector<StoredAnswer> &answers) {
    std::vector<Value> rows;
    for (const StoredAnswer &a : answers)
        std::ranges::copy(answer_row(a), std::back_inserter(rows));
    return insert_rows(sql, "INSERT INTO answers", k_answer_columns, rows, k_replace_answer);
}

} // namespace ledger
