// What of the hub the next program gets.
#include "base/log.hpp"
#include "base/version.hpp"
#include "relay/carry.hpp"
#include "relay/hub.hpp"
#include "relay/memory.hpp"
#include "relay/receipt_files.hpp"

namespace relay {

using base::Errc;
using base::Result;

void Metrics::carry(Carry &c) {
    const auto by_name = [](Carry &in, std::string &name, std::int64_t &count) {
        in("name", name);
        in("count", count);
    };
    const std::lock_guard lock(m_mutex);
    c.map("refused", m_refused,
          [](Carry &in, std::pair<std::string, std::string> &of, std::int64_t &count) {
              in("carrier", of.first);
              in("reason", of.second);
              in("count", count);
          });
    c.map("children", m_children, by_name);
    c.map("pull_refused", m_pull_refused, by_name);
    c("pull_starts", m_pull_starts);
    c.map("preflights", m_preflights, [](Carry &in, std::string &carrier, Preflights &p) {
        in("carrier", carrier);
        in("now", p.now);
        in("sessions", p.sessions);
        in("bytes", p.bytes);
    });
    c("feed_heard_us", feed_heard_us);
    c("accepted", viewers.accepted);
    c("turned_away", viewers.turned_away);
    c("turned_away_of_address", viewers.turned_away_of_address);
    c("bytes_out", viewers.requests_bytes_out);
    c("tls_agreed", viewers.tls.agreed);
    c("tls_failed", viewers.tls.failed);
    c("tls_in_kernel", viewers.tls.in_kernel);
}

// What sockets are bound to, and where files are: the next program has the sockets, not the
// addresses.
void Hub::same_addresses(Carry &c) {
    c.same("id", "id", m_config.id);
    c.same("http", "http", m_config.http.text());
    c.same("https", "https", m_config.tls ? m_config.tls->listen.text() : "");
    c.same("admin", "admin", m_config.admin ? m_config.admin->text() : "");
    c.same("srt_out", "srt_out", m_config.srt_out ? m_config.srt_out->text() : "");
    c.same("data", "data", m_config.data.native());
    c.same("spool", "spool", m_config.spool.native());
    std::string ingest;
    for (const auto &[carrier, config] : m_config.ingest)
        ingest += fmt::format("{}{}={}/{}ms", ingest.empty() ? "" : " ", carrier,
                              config.listen.text(), config.latency.count());
    c.same("ingest", "ingest", ingest);
}

void Hub::carry(Carry &c, Handover &other) {
    same_addresses(c);
    c.descriptor("lock", other.lock);
    c.descriptor("spool_lock", other.spool_lock);
    if (!c.writing() && !c.rehearsal() && !c.failed() && other.spool_lock >= 0) {
        auto spool = Spool::open(m_config.spool, {}, base::Fd{other.spool_lock});
        if (!spool)
            return c.refuse(std::move(spool).error());
        m_spool = *std::move(spool);
    }
    c.list("listeners", other.listeners, [](Carry &in, Handover::Listener &l) {
        in("door", l.door);
        in.descriptor("fd", l.fd);
    });
    base::Millis offset = m_clock.offset();
    c("clock_offset_ms", offset);
    m_clock.set_offset(offset);
    c("heard", m_heard);
    c("metrics", m_metrics);
    c("egress", m_egress);
    c.json(
        "feed", other.feed, [this](const FeedState &f) { return to_json(f, m_config.id); },
        [this](const wire::Json &json, const std::string &where) {
            return read_feed_state(json, m_config.id, where);
        });
    c.list("reports", other.left.reports, [](Carry &in, wire::Report &report) {
        in.json(
            "report", report, [](const wire::Report &r) { return wire::to_json(r); },
            wire::read_report);
    });
    c.list("receipts", other.left.receipts, [](Carry &in, wire::SignedReceipt &receipt) {
        in.json(
            "receipt", receipt, [](const wire::SignedReceipt &r) { return wire::to_json(r); },
            wire::read_receipt);
    });
    c("tallies", m_tallies);
    c("sessions", m_sessions);
    carry_events(c);
    carry_ingest(c);
    if (m_srt_out)
        c.object("srt_out_child", [this](Carry &in) { m_srt_out->carry(in, m_events); });
    c.list("tls_terminators", m_terminators, [](Carry &in, Process &p) { in("process", p); });
    c.list("connections", other.connections,
           [](Carry &in, ConnectionState &state) { in("connection", state); });
}

void Hub::carry_events(Carry &c) {
    auto at = m_events.begin();
    c.array("events", m_events.size(), [&](Carry &in) {
        LiveEvent *live = in.writing() ? &at++->second : nullptr;
        wire::FeedEntry entry = live != nullptr ? *live->event()->entry() : wire::FeedEntry{};
        std::string tag = live != nullptr ? live->event()->tag() : "";
        bool recorded = live != nullptr && live->event()->recording();
        in.json(
            "entry", entry, [](const wire::FeedEntry &e) { return wire::to_json(e); },
            wire::read_feed_entry);
        in("tag", tag);
        in("recorded", recorded);
        if (in.failed())
            return;
        if (live == nullptr)
            live = taken_event(entry, tag, recorded);
        if (recorded && !live->event()->recording())
            return in.refuse({Errc::bad_data, fmt::format("the recording of {} cannot be read",
                                                          entry.reservation.text())});
        if (recorded)
            in("recording", *live->event()->recording());
        in("live", *live);
    });
    std::set<base::Id> admitted;
    for (const auto &[id, entry] : m_admitted)
        admitted.insert(id);
    c.set("admitted", admitted);
    for (const base::Id &id : admitted)
        if (const LiveEvent *live = find(id))
            m_admitted.insert_or_assign(id, *live->event()->entry());
    c.map("preflights", m_preflights, [](Carry &in, base::Id &reservation, StreamKey &key) {
        in("reservation", reservation);
        in("key", key);
    });
}

// One of the former program, still without its media. A rehearsal opens no recording: the former
// program writes there.
LiveEvent *Hub::taken_event(const wire::FeedEntry &entry, const std::string &tag, bool recorded) {
    const base::Id &id = entry.reservation;
    RecordingPtr recording;
    if (recorded && m_spool)
        recording = m_spool->recording(id, true);
    else if (recorded)
        recording = std::make_shared<Recording>(m_config.spool / id.text(), id, RecordingState{});
    Store::Options options = store_options(m_config, entry, m_clock, m_spool.get(), recording);
    options.tag = tag;
    return &m_events.try_emplace(id, entry, std::move(options)).first->second;
}

void Hub::carry_ingest(Carry &c) {
    for (const auto &each : m_ingest)
        c.object("ingest_" + each->carrier, [&ingest = *each](Carry &in) {
            in("run", ingest.run);
            in("started", ingest.started);
            in.object("child", [&](Carry &of) { Child::carry(of, ingest.child); });
            if (!ingest.child || in.failed())
                return;
            if (!in.writing())
                ingest.intake.emplace([] { return Extent::make(); });
            in("intake", *ingest.intake);
        });
}

bool Hub::is_shown(const Event &event) const {
    const auto live = m_events.find(event.entry()->reservation);
    return live != m_events.end() && live->second.event().get() == &event;
}

void Hub::adopt(std::vector<ConnectionState> connections) {
    for (ConnectionState &state : connections) {
        const LiveEvent *live = state.event ? find(*state.event) : nullptr;
        m_crew->workers[m_crew->rota.turn()]->adopt(std::move(state),
                                                    live != nullptr ? live->event() : nullptr);
    }
}

Result<int> Hub::take_over() {
    const std::string text = TRY(read_state(m_options.take_over));
    auto state = TRY(Carry::read(text, m_options.rehearse));
    TRY(find_programs());
    Handover other;
    carry(state, other);
    TRY(state.finish());
    if (m_options.rehearse) {
        if (m_config.tls)
            std::ignore = TRY(net::TlsIdentity::load(m_config.tls->certificate, m_config.tls->key));
        Rehearsal::approve();
        return 0;
    }
    m_lock.emplace(TRY(base::FileLock::lock(base::Fd{other.lock}, "the data folder", 0)));
    TRY(start_workers(other.listeners));
    const FeedState feed = other.feed;
    const auto receipts = other.left.receipts;
    TRY(start_conversations(std::move(other.feed), std::move(other.left)));
    for (const wire::SignedReceipt &receipt : receipts)
        m_keeper->write(file_name(receipt.receipt),
                        wire::compact_json(wire::to_json(receipt)) + "\n");
    apply_all(feed);
    const std::size_t viewers = other.connections.size();
    adopt(std::move(other.connections));
    m_egress.take_stock(m_board, m_clock.now());
    for (const auto &worker : m_crew->workers)
        worker->go();
    base::log::info("version {} goes on in place of the former program, with {} event{} and {} "
                    "connection{}",
                    base::k_version, m_events.size(), m_events.size() == 1 ? "" : "s", viewers,
                    viewers == 1 ? "" : "s");
    return serve();
}

} // namespace relay
