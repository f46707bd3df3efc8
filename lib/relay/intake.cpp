#include "relay/intake.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace relay {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t k_max_streams = 64;
constexpr std::int64_t k_max_age_us = 60'000'000; // of a part when it is told
constexpr std::int64_t k_max_preflight_ms = 600'000;
constexpr std::int64_t k_max_preflight_bytes = 1'000'000'000'000;
constexpr std::int64_t k_max_count = 1'000'000'000;
constexpr std::int64_t k_payload = 7 * k_packet; // of a numbered stream: never in two extents

std::int64_t bytes_of(const std::vector<wire::IngestRun> &runs) {
    std::int64_t sum = 0;
    for (const wire::IngestRun &run : runs)
        sum += run.count * run.packets * k_packet;
    return sum;
}

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

} // namespace

Result<Intake::Stream *> Intake::find(std::int64_t stream) {
    const auto it = m_streams.find(stream);
    if (it == m_streams.end())
        return fail(Errc::protocol, "stream {} is not open", stream);
    return &it->second;
}

Result<void> Intake::give_owed(std::int64_t number, Stream &stream) {
    for (; stream.owed > 0; --stream.owed) {
        ExtentPtr extent = TRY(m_make());
        stream.extents[stream.given] = extent;
        const wire::IngestExtent message{
            .stream = number, .extent = stream.given, .bytes = extent->bytes()};
        outbox.push_back({.message = message, .extent = std::move(extent)});
        ++stream.given;
    }
    return {};
}

Result<void> Intake::give_owed() {
    for (auto &[number, stream] : m_streams)
        TRY(give_owed(number, stream));
    return {};
}

Result<void> Intake::is_fresh(std::int64_t stream) {
    if (stream <= m_highest)
        return fail(Errc::protocol, "stream {} is not a fresh number", stream);
    m_highest = stream;
    if (m_streams.size() + m_preflights.size() >= k_max_streams)
        return fail(Errc::protocol, "more than {} streams at a time", k_max_streams);
    return {};
}

Intake::Outcome Intake::on(const wire::IngestOpened &m, std::int64_t now_us) {
    TRY(is_fresh(m.stream));
    // A withdrawal may cross it on the way: then the child closes the stream itself, and what it
    // sends until then has no reservation to go to.
    Stream &stream = m_streams[m.stream];
    stream.reservation = m.reservation;
    stream.received_us = now_us - k_max_age_us;
    stream.owed = 1;
    std::ignore = give_owed(m.stream, stream);
    return StreamOpened{.stream = m.stream,
                        .reservation = m.reservation,
                        .generation = m.generation,
                        .instance = m.instance,
                        .path = m.path,
                        .peer = m.peer};
}

Intake::Outcome Intake::on(const wire::IngestNeedExtent &m, std::int64_t) {
    Stream &stream = *TRY(find(m.stream));
    // It may have begun the next extent without having told a part of it: two beyond, no more.
    const std::int64_t next = stream.given + stream.owed;
    if (m.extent != next || next > stream.current + 2)
        return fail(Errc::protocol, "stream {} wants extent {}, not its next", m.stream, m.extent);
    ++stream.owed;
    std::ignore = give_owed(m.stream, stream);
    return IntakeEvent{};
}

Result<void> Intake::move_on(Stream &stream, const wire::IngestPart &part) {
    if (part.extent == stream.current)
        return {};
    if (part.extent != stream.current + 1 || !stream.extents.contains(part.extent))
        return fail(Errc::protocol, "a part in extent {} after {}", part.extent, stream.current);
    // Each costs a descriptor for as long as its media is kept: no more of them than media fills.
    const std::int64_t unit = stream.numbered ? k_payload : k_packet;
    if (stream.extents.at(stream.current)->bytes() - stream.offset >= unit)
        return fail(Errc::protocol, "extent {} left after {} bytes", stream.current, stream.offset);
    stream.extents.erase(stream.current);
    stream.current = part.extent;
    stream.offset = 0;
    return {};
}

Intake::Outcome Intake::on(const wire::IngestPart &m, std::int64_t now_us) {
    Stream &stream = *TRY(find(m.stream));
    TRY(move_on(stream, m));
    const ExtentPtr &extent = stream.extents.at(stream.current);
    if (m.offset != stream.offset || m.bytes <= 0 || m.bytes % k_packet != 0 ||
        m.bytes > extent->bytes() - m.offset)
        return fail(Errc::protocol, "a part of {} bytes at {} after {}", m.bytes, m.offset,
                    stream.offset);
    if (m.received_us < stream.received_us || m.received_us > now_us ||
        m.received_us < now_us - k_max_age_us)
        return fail(Errc::protocol, "a part of another time");
    if ((!m.runs.empty() && bytes_of(m.runs) != m.bytes) ||
        (stream.position > 0 && stream.numbered == m.runs.empty()))
        return fail(Errc::protocol, "a part whose numbers are not those of its bytes");
    stream.numbered = !m.runs.empty();
    stream.offset += m.bytes;
    stream.position += m.bytes;
    stream.received_us = m.received_us;
    PartReady ready{.stream = m.stream,
                    .reservation = stream.reservation,
                    .extent = extent,
                    .position = stream.position - m.bytes,
                    .offset = m.offset,
                    .bytes = m.bytes,
                    .received_us = m.received_us,
                    .cuts = {},
                    .units = {},
                    .runs = m.runs};
    // A packet of the stream behind @p last, and a time stamp.
    const auto is_place = [&](std::int64_t position, std::int64_t stamp, std::int64_t last) {
        return position > last && position < stream.position && position % k_packet == 0 &&
               stamp >= 0 && stamp < k_pts_wrap;
    };
    for (const wire::IngestCut &cut : m.cuts) {
        if (!is_place(cut.position, cut.pts_90k, stream.last_cut))
            return fail(Errc::protocol, "a cut at {} of {}", cut.position, stream.position);
        stream.last_cut = cut.position;
        ready.cuts.push_back({.position = cut.position, .pts_90k = cut.pts_90k});
    }
    for (const wire::IngestUnit &unit : m.units) {
        if (!is_place(unit.position, unit.dts_90k, stream.last_unit))
            return fail(Errc::protocol, "a unit at {} of {}", unit.position, stream.position);
        stream.last_unit = unit.position;
        ready.units.push_back({.position = unit.position, .dts_90k = unit.dts_90k});
    }
    if (!m_admitted.contains(stream.reservation))
        return IntakeEvent{};
    return ready;
}

Intake::Outcome Intake::on(const wire::IngestStats &m, std::int64_t) {
    const Stream &stream = *TRY(find(m.stream));
    return StreamStats{.stream = m.stream, .reservation = stream.reservation, .numbers = m};
}

Intake::Outcome Intake::on(const wire::IngestClosed &m, std::int64_t) {
    const Stream &stream = *TRY(find(m.stream));
    if (!is_label(m.reason))
        return fail(Errc::protocol, "a reason that is not a word");
    StreamClosed closed{.stream = m.stream, .reservation = stream.reservation, .reason = m.reason};
    m_streams.erase(m.stream);
    std::erase_if(outbox, [&](const Outgoing &o) {
        const auto *extent = std::get_if<wire::IngestExtent>(&o.message);
        const auto *close = std::get_if<wire::IngestClose>(&o.message);
        return (extent != nullptr && extent->stream == m.stream) ||
               (close != nullptr && close->stream == m.stream);
    });
    return closed;
}

Intake::Outcome Intake::on(const wire::IngestPreflight &m, std::int64_t) {
    TRY(is_fresh(m.stream));
    m_preflights[m.stream] = m.reservation;
    return PreflightOpened{.stream = m.stream, .reservation = m.reservation, .peer = m.peer};
}

Intake::Outcome Intake::on(const wire::IngestPreflightDone &m, std::int64_t) {
    const auto found = m_preflights.extract(m.stream);
    if (!found)
        return fail(Errc::protocol, "preflight {} is not open", m.stream);
    // Counters that others add up: no more in a session than a line of 100 Gbit/s has.
    if (!is_label(m.reason) || m.duration_ms > k_max_preflight_ms ||
        m.bytes > k_max_preflight_bytes)
        return fail(Errc::protocol, "a preflight without reason, or that cannot be");
    std::erase_if(outbox, [&](const Outgoing &o) {
        const auto *close = std::get_if<wire::IngestClose>(&o.message);
        return close != nullptr && close->stream == m.stream;
    });
    return PreflightClosed{.reservation = found.mapped(), .what = m};
}

Intake::Outcome Intake::on(const wire::IngestRefused &m, std::int64_t) {
    if (!is_label(m.reason) || m.count < 1 || m.count > k_max_count)
        return fail(Errc::protocol, "a refusal without reason or number");
    return Refused{m};
}

template <typename M> Intake::Outcome Intake::on(const M &, std::int64_t) {
    return fail(Errc::protocol, "a message that only relay-serve sends");
}

Result<IntakeEvent> Intake::handle(const wire::IngestMessage &message, std::int64_t now_us) {
    return std::visit([&](const auto &m) { return on(m, now_us); }, message);
}

std::vector<std::pair<std::int64_t, base::Id>> Intake::open_streams() const {
    std::vector<std::pair<std::int64_t, base::Id>> out;
    out.reserve(m_streams.size());
    for (const auto &[number, stream] : m_streams)
        out.emplace_back(number, stream.reservation);
    return out;
}

} // namespace relay
