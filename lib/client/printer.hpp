// What resv-request prints: JSON lines for programs, or a table for people.
#pragma once

#include "client/records.hpp"

namespace client {

/// Prints to standard output; nothing is sure to have arrived before cli::flush().
class Printer {
  public:
    /// A table's times are in @p zone (empty: the machine's).
    Printer(bool table, std::string zone);

    void reservations(const std::vector<wire::Reservation> &all) const;
    void slots(const std::vector<wire::Slot> &all) const;
    /// The reservation, then its settings, which only programs read: in no table.
    void outcome(const Outcome &outcome) const;
    /// Warns on standard error when the clocks are more than a second apart.
    void clock(const ClockReading &reading) const;

    /// Reports control's no on standard error, with a line for each resource that fell short, and
    /// prints what would do instead.
    void refusal(const base::Error &error, const std::optional<wire::Problem> &problem) const;

  private:
    void series(const Outcome &outcome) const;

    bool m_table;
    TimeText m_time;
};

} // namespace client
