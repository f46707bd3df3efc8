// What resv-request prints: records for programs, rows for people.
#pragma once

#include "client/enrol.hpp"
#include "client/reservations.hpp"

#include <functional>

namespace client {

/// How an instant is shown to people.
using TimeText = std::function<std::string(base::UtcTime)>;

[[nodiscard]] std::string reservation_header();
[[nodiscard]] std::string reservation_row(const wire::Reservation &r, const TimeText &time);
[[nodiscard]] std::string slot_header();
[[nodiscard]] std::string slot_row(const wire::Slot &s, const TimeText &time);
[[nodiscard]] std::string alternative_header();
[[nodiscard]] std::string alternative_row(const wire::Alternative &a, const TimeText &time);
/// `carrier:lineA:bits: 5M needed, 1M available from … to …`, to the millisecond when @p time shows
/// both alike.
[[nodiscard]] std::string shortfall_text(const wire::Shortfall &s, const TimeText &time);
[[nodiscard]] std::string clock_text(const ClockReading &reading, const TimeText &time);

/// `{"type":"request",…}`: what would be sent, a password's hash left out.
[[nodiscard]] wire::Json request_record(const Change &change);
/// `{"type":"enrolment",…}`
[[nodiscard]] wire::Json enrolment_record(const wire::EnrolAnswer &answer, const seal::KeyId &key,
                                          const std::string &control);
/// `{"type":"rotation",…}`
[[nodiscard]] wire::Json rotation_record(const Rotation &rotation, const std::string &control);
/// `{"type":"time",…}`: offset_ms is control's time minus this machine's.
[[nodiscard]] wire::Json clock_record(const ClockReading &reading);

} // namespace client
