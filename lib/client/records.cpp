#include "client/records.hpp"

#include "resv/catalogue.hpp"

namespace client {

namespace {

constexpr std::string_view k_reservation_columns =
    "{:<27} {:<10} {:<24} {:<9} {:<11} {:<17} {:<7} {:<12} {}";
constexpr std::string_view k_alternative_columns = "{:<24} {:<9} {:<11} {:<17} {:<7} {:<12} {}";
constexpr std::string_view k_slot_columns =
    "{:<24} {:<24} {:<6} {:<11} {:<12} {:<10} {:<9} {:<12} {}";

// Units of the resource: bits a second have K and M, all others are counts.
std::string amount(std::string_view resource, std::int64_t n) {
    return resv::is_rate(resource) && n > 0 ? base::format_rate({n}) + "bit/s" : std::to_string(n);
}

std::string fee(const std::optional<resv::Money> &money) {
    return money ? resv::format_money(*money) : "-";
}

} // namespace

std::string reservation_header() {
    return fmt::format(fmt::runtime(k_reservation_columns), "RESERVATION", "STATE", "START",
                       "LENGTH", "CHANNEL", "CARRIERS", "RATE", "FEE", "TITLE");
}

std::string reservation_row(const wire::Reservation &r, const TimeText &time) {
    return fmt::format(fmt::runtime(k_reservation_columns), r.id.text(), resv::name(r.state),
                       time(r.window.start), base::format_duration(r.window.end - r.window.start),
                       r.channel, fmt::format("{}", fmt::join(r.carriers, ",")),
                       base::format_rate(r.rate), fee(r.fee), r.title);
}

std::string slot_header() {
    return fmt::format(fmt::runtime(k_slot_columns), "FROM", "LATEST START", "EVERY", "CHANNEL",
                       "FEE", "LINES LEFT", "RATE LEFT", "VIEWERS LEFT", "CARRIERS");
}

std::string slot_row(const wire::Slot &s, const TimeText &time) {
    return fmt::format(fmt::runtime(k_slot_columns), time(s.start), time(s.latest_start),
                       s.grid > base::Millis{0} ? base::format_duration(s.grid) : "-", s.channel,
                       fee(s.fee), s.left ? std::to_string(s.left->lines) : "-",
                       s.left ? base::format_rate(s.left->rate) : "-",
                       s.left ? std::to_string(s.left->viewers) : "-",
                       fmt::format("{}", fmt::join(s.carriers, ",")));
}

std::string alternative_header() {
    return fmt::format(fmt::runtime(k_alternative_columns), "START", "LENGTH", "CHANNEL",
                       "CARRIERS", "RATE", "FEE", "OFFER");
}

std::string alternative_row(const wire::Alternative &a, const TimeText &time) {
    return fmt::format(fmt::runtime(k_alternative_columns), time(a.start),
                       base::format_duration(a.end - a.start), a.channel,
                       fmt::format("{}", fmt::join(a.carriers, ",")), base::format_rate(a.rate),
                       fee(a.fee), a.offer);
}

std::string shortfall_text(const wire::Shortfall &s, const TimeText &time) {
    std::string from = time(s.from);
    std::string to = time(s.to);
    if (from == to) { // shorter than what is shown of times
        from = base::format_rfc3339(s.from);
        to = base::format_rfc3339(s.to);
    }
    return fmt::format("{}: {} needed, {} available from {} to {}", s.resource,
                       amount(s.resource, s.needed), amount(s.resource, s.available), from, to);
}

std::string clock_text(const ClockReading &reading, const TimeText &time) {
    return fmt::format("{} at control; this machine's clock is {} ms {} (to {} ms)",
                       time(reading.control_time), std::chrono::abs(reading.offset).count(),
                       reading.offset.count() > 0 ? "behind" : "ahead",
                       (reading.round_trip / 2).count());
}

wire::Json request_record(const Change &change) {
    wire::Json body = change.body;
    if (auto *hash = request_within(body).if_contains("password_hash"))
        *hash = "(hidden)";
    wire::JsonObject out{{"type", "request"}, {"v", 1}};
    out["method"] = change.method;
    out["path"] = change.path;
    if (change.revision)
        out["if_match"] = fmt::format("\"{}\"", *change.revision);
    out["body"] = std::move(body);
    return out;
}

wire::Json enrolment_record(const wire::EnrolAnswer &answer, const seal::KeyId &key,
                            const std::string &control) {
    return wire::JsonObject{{"type", "enrolment"},
                            {"v", 1},
                            {"name", answer.name},
                            {"role", answer.role},
                            {"key", key.text()},
                            {"control", control},
                            {"control_key", answer.control_key}};
}

wire::Json rotation_record(const Rotation &rotation, const std::string &control) {
    wire::JsonObject out{{"type", "rotation"},
                         {"v", 1},
                         {"key", rotation.key.text()},
                         {"former_key", rotation.former_key.text()},
                         {"control", control}};
    if (rotation.former_until)
        out["former_until"] = base::format_rfc3339(*rotation.former_until);
    return out;
}

wire::Json clock_record(const ClockReading &reading) {
    return wire::JsonObject{{"type", "time"},
                            {"v", 1},
                            {"control_time", base::format_rfc3339(reading.control_time)},
                            {"offset_ms", reading.offset.count()},
                            {"round_trip_ms", reading.round_trip.count()}};
}

} // namespace client
