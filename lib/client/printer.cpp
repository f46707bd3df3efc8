#include "client/printer.hpp"

#include "base/log.hpp"
#include "cli/time_arg.hpp"
#include "cli/tool.hpp"

namespace client {

using cli::print_line;
using cli::print_record;
using cli::print_row;

namespace {
constexpr base::Millis k_worth_a_warning{1000};
}

Printer::Printer(bool table, std::string zone)
    : m_table(table),
      m_time([zone = std::move(zone)](base::UtcTime t) { return cli::format_local(t, zone); }) {}

void Printer::reservations(const std::vector<wire::Reservation> &all) const {
    if (m_table)
        print_line(reservation_header());
    for (const wire::Reservation &r : all)
        m_table ? print_row(reservation_row(r, m_time)) : print_record(wire::to_json(r));
}

void Printer::slots(const std::vector<wire::Slot> &all) const {
    if (m_table)
        print_line(slot_header());
    for (const wire::Slot &s : all)
        m_table ? print_row(slot_row(s, m_time)) : print_record(wire::to_json(s));
}

void Printer::outcome(const Outcome &outcome) const {
    if (outcome.reservation)
        reservations({*outcome.reservation});
    if (outcome.settings && !m_table)
        print_record(wire::to_json(*outcome.settings));
    series(outcome);
}

// Each reservation with its settings behind it; what is not booked last, on standard error too.
void Printer::series(const Outcome &outcome) const {
    if (m_table && !outcome.reservations.empty())
        reservations(outcome.reservations);
    else
        for (const wire::Reservation &r : outcome.reservations) {
            print_record(wire::to_json(r));
            for (const wire::SealedSettings &s : outcome.all_settings)
                if (s.reservation == r.id)
                    print_record(wire::to_json(s));
        }
    for (const wire::Clash &clash : outcome.clashes) {
        base::log::warning("not booked on {}: {}", clash.local, clash.problem.detail);
        for (const wire::Shortfall &s : clash.problem.shortfalls)
            base::log::warning("{}", shortfall_text(s, m_time));
        if (!m_table)
            print_record(wire::to_json(clash));
        else if (!clash.problem.alternatives.empty())
            print_line(alternative_header());
        if (m_table)
            for (const wire::Alternative &a : clash.problem.alternatives)
                print_row(alternative_row(a, m_time));
    }
}

void Printer::clock(const ClockReading &reading) const {
    if (std::chrono::abs(reading.offset) > k_worth_a_warning)
        base::log::warning("this machine's clock is {} ms {} control's; set it by NTP",
                           std::chrono::abs(reading.offset).count(),
                           reading.offset.count() > 0 ? "behind" : "ahead of");
    m_table ? print_line(clock_text(reading, m_time)) : print_record(clock_record(reading));
}

void Printer::refusal(const base::Error &error, const std::optional<wire::Problem> &problem) const {
    cli::report(error);
    if (!problem)
        return;
    for (const wire::Shortfall &s : problem->shortfalls)
        base::log::error("{}", shortfall_text(s, m_time));
    if (m_table && !problem->alternatives.empty())
        print_line(alternative_header());
    for (const wire::Alternative &a : problem->alternatives)
        m_table ? print_row(alternative_row(a, m_time)) : print_record(wire::to_json(a));
}

} // namespace client
