// The hub's side of its ingest children: start, restart, and what they say.
#include "base/log.hpp"
#include "relay/hub.hpp"
#include "seal/hash.hpp"

#include <fmt/format.h>

namespace relay {

using base::Errc;
using base::Result;

namespace {
constexpr int k_messages_at_once = 256; // of one child, then the others get their turn
// To a few, media goes on as soon as it is there. For many, bytes per system call count.
struct Step {
    std::int64_t most = 0; ///< viewers
    wire::IngestPace pace;
};
constexpr std::array k_steps{Step{20, {.part_ms = 4}}, Step{60, {.part_ms = 20}},
                             Step{INT64_MAX, {.part_ms = 40}}};
} // namespace

// The first step that is enough; the one that was (@p last) is it for longer, so that they do not
// take turns.
wire::IngestPace pace_for(std::int64_t load, const std::optional<wire::IngestPace> &last) {
    if (load == 0)
        return {};
    return std::ranges::find_if(k_steps,
                                [&](const Step &step) {
                                    const bool was = last && last->part_ms == step.pace.part_ms;
                                    return load <= step.most || (was && load / 2 <= step.most);
                                })
        ->pace;
}

// Each is a line of the log too, but for what is said there otherwise, and refusals, which may be
// many.
void Hub::record(std::string_view type, wire::JsonObject fields) {
    const bool aside = type == "refused" || type == "receipt" || type == "ingest_ended";
    const auto level = aside ? base::log::Level::debug : base::log::Level::info;
    if (base::log::enabled(level))
        base::log::write(level, log_text(type, fields));
    if (!m_options.on_event)
        return;
    wire::JsonObject out{{"type", type}, {"v", 1}, {"at", base::format_rfc3339(m_clock.now())}};
    for (auto &field : fields)
        out[field.key()] = std::move(field.value());
    m_options.on_event(out);
}

void Hub::start_child(Ingest &ingest) {
    ingest.started = std::chrono::steady_clock::now();
    ++ingest.run;
    auto child = Child::start(m_program.get(), m_identity, m_options.child_mask);
    if (!child) {
        base::log::error("{}: {}", ingest.carrier, child.error().message);
        return;
    }
    ingest.child.emplace(std::move(*child));
    ingest.intake.emplace([] { return Extent::make(); });
    m_metrics.child_started(ingest.carrier);
    const conf::Address &at = ingest.config.listen;
    const auto echo = seal::echo_key(m_keys.group_key.view(), m_config.id, ingest.carrier);
    const auto send = [&](wire::IngestMessage message) {
        ingest.intake->outbox.push_back({.message = std::move(message), .extent = {}});
    };
    send(wire::IngestSetup{
        .relay = m_config.id,
        .carrier = ingest.carrier,
        .listen = {.host = at.host, .port = at.port},
        .echo =
            wire::Probe{.at = {.host = at.host, .port = static_cast<std::uint16_t>(at.port + 1)},
                        .key = seal::to_base64url(echo)},
        .control_key = seal::public_key_text(*m_keys.control_key),
        .group_key = seal::to_base64url(m_keys.group_key.view()),
        .latency_ms = ingest.config.latency.count()});
    send(wire::IngestClock{.offset_ms = m_clock.offset().count()});
    if (m_pace)
        send(*m_pace);
    for (const auto &[id, e] : m_admitted) {
        ingest.intake->admit(id);
        send(wire::IngestAdmit{.reservation = e.reservation,
                               .channel = e.channel,
                               .window = e.window,
                               .generation = e.generation,
                               .max_rate = e.max_rate});
    }
    if (const auto sent = ingest.child->flush(*ingest.intake); !sent)
        end_child(ingest, sent.error().message);
}

void Hub::end_child(Ingest &ingest, std::string_view why) {
    const std::string reason = fmt::format("{} ({})", why, ingest.child->end());
    base::log::warning("ingest of {} ended: {}; starting it again", ingest.carrier, reason);
    record("ingest_ended", {{"carrier", ingest.carrier}, {"reason", reason}});
    for (const StreamKey &key : m_sessions.of(ingest.carrier, ingest.run))
        session_ended(key, "ingest_ended");
    for (const auto &[stream, reservation] : ingest.intake->open_streams())
        if (LiveEvent *live = find(reservation))
            live->closed({.carrier = ingest.carrier, .run = ingest.run, .stream = stream});
    std::erase_if(m_preflights, [&](const auto &p) {
        return p.second.carrier == ingest.carrier && p.second.run == ingest.run;
    });
    m_metrics.preflights_lost(ingest.carrier);
    m_new_media = true;
    ingest.intake.reset();
    ingest.child.reset();
}

void Hub::tick_pace() {
    const wire::IngestPace pace = pace_for(m_metrics.viewers.load(), m_pace);
    if (m_pace && m_pace->part_ms == pace.part_ms)
        return;
    m_pace = pace;
    tell_children(pace);
}

// A machine that is short of something costs a pause, not the publishers.
void Hub::give_owed(Ingest &ingest) {
    const auto given = ingest.intake->give_owed();
    if (!given && !ingest.short_of_memory)
        base::log::error("{}: {}; publishers wait", ingest.carrier, given.error().message);
    if (given && ingest.short_of_memory)
        base::log::info("{}: there is memory for media again", ingest.carrier);
    ingest.short_of_memory = !given;
}

void Hub::read_child(Ingest &ingest) {
    if (!ingest.child)
        return;
    auto done = read_messages(ingest);
    if (done)
        done = ingest.child->flush(*ingest.intake);
    if (!done)
        end_child(ingest, done.error().message);
}

Result<void> Hub::read_messages(Ingest &ingest) {
    for (int i = 0; i < k_messages_at_once; ++i) {
        const auto received = TRY(ingest.child->socket().receive());
        if (!received)
            return {};
        if (!received->fds.empty())
            return base::fail(Errc::protocol, "it sent a descriptor");
        const auto message = TRY(wire::read_ingest(received->text));
        const IntakeEvent event = TRY(ingest.intake->handle(message, monotonic_us()));
        std::visit([&](const auto &e) { on(ingest, e); }, event);
    }
    return {};
}

void Hub::on(Ingest &ingest, const StreamOpened &e) {
    record("opened", {{"reservation", e.reservation.text()},
                      {"carrier", ingest.carrier},
                      {"instance", e.instance},
                      {"path", e.path},
                      {"peer", e.peer}});
    const StreamKey key{.carrier = ingest.carrier, .run = ingest.run, .stream = e.stream};
    m_sessions.opened(key, e, std::chrono::steady_clock::now());
    LiveEvent *live = find(e.reservation);
    if (live == nullptr)
        return;
    bool refused = false;
    for (const auto &[closing, reason] : live->opened(key, e, std::chrono::steady_clock::now())) {
        close_stream(closing, reason);
        refused = refused || closing == key;
    }
    if (!refused)
        m_tallies.admitted(e.reservation, m_clock.now());
}

void Hub::session_ended(const StreamKey &key, std::string_view reason) {
    if (auto told = m_sessions.closed(key, std::chrono::steady_clock::now())) {
        (*told)["reason"] = reason;
        record("closed", *std::move(told));
    }
}

void Hub::close_stream(const StreamKey &key, std::string_view reason) {
    for (const auto &ingest : m_ingest)
        if (ingest->intake && ingest->carrier == key.carrier && ingest->run == key.run)
            ingest->intake->outbox.push_back(
                {.message = wire::IngestClose{.stream = key.stream, .reason = std::string(reason)},
                 .extent = {}});
    m_new_media = true;
}

void Hub::on(Ingest &ingest, const PartReady &e) {
    m_sessions.part({.carrier = ingest.carrier, .run = ingest.run, .stream = e.stream}, e.bytes);
    LiveEvent *live = find(e.reservation);
    if (live == nullptr)
        return;
    live->part({.carrier = ingest.carrier, .run = ingest.run, .stream = e.stream}, e,
               std::chrono::steady_clock::now());
    tell_news(e.reservation, *live);
    m_new_media = true;
}

void Hub::on(Ingest &ingest, const StreamStats &e) {
    m_sessions.stats({.carrier = ingest.carrier, .run = ingest.run, .stream = e.stream}, e.numbers);
    if (LiveEvent *live = find(e.reservation))
        live->stats({.carrier = ingest.carrier, .run = ingest.run, .stream = e.stream}, e.numbers);
}

void Hub::on(Ingest &ingest, const StreamClosed &e) {
    const StreamKey key{.carrier = ingest.carrier, .run = ingest.run, .stream = e.stream};
    session_ended(key, e.reason);
    if (LiveEvent *live = find(e.reservation))
        live->closed(key);
    m_new_media = true;
}

// What a child cannot see: a preflight of the same reservation over another carrier.
void Hub::on(Ingest &ingest, const PreflightOpened &e) {
    record("preflight_opened",
           {{"reservation", e.reservation.text()}, {"carrier", ingest.carrier}, {"peer", e.peer}});
    m_metrics.preflight_opened(ingest.carrier);
    const StreamKey key{.carrier = ingest.carrier, .run = ingest.run, .stream = e.stream};
    const auto [former, fresh] = m_preflights.try_emplace(e.reservation, key);
    if (fresh)
        return;
    if (former->second.carrier != key.carrier)
        close_stream(former->second, "replaced");
    former->second = key;
}

void Hub::on(Ingest &ingest, const PreflightClosed &e) {
    const wire::IngestPreflightDone &m = e.what;
    const std::int64_t rate = m.duration_ms > 0 ? m.bytes * 8 / m.duration_ms * 1000 : 0;
    record("preflight_closed", {{"reservation", e.reservation.text()},
                                {"carrier", ingest.carrier},
                                {"reason", m.reason},
                                {"duration_ms", m.duration_ms},
                                {"bytes", m.bytes},
                                {"rate_bps", rate},
                                {"rtt_us", m.rtt_us},
                                {"lost_packets", m.lost_packets},
                                {"dropped_packets", m.dropped_packets}});
    m_metrics.preflight_closed(ingest.carrier, m.bytes);
    if (const auto newest = m_preflights.find(e.reservation);
        newest != m_preflights.end() &&
        newest->second ==
            StreamKey{.carrier = ingest.carrier, .run = ingest.run, .stream = m.stream})
        m_preflights.erase(newest);
}

void Hub::on(Ingest &ingest, const Refused &e) {
    m_metrics.refused(ingest.carrier, e.what.reason, e.what.count);
    record("refused", {{"carrier", ingest.carrier},
                       {"reason", e.what.reason},
                       {"peer", e.what.peer},
                       {"count", e.what.count}});
}

} // namespace relay
