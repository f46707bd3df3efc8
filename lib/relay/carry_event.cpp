// How events and their publishers are handed over.
#include "relay/carry.hpp"
#include "relay/sessions.hpp"
#include "relay/tally.hpp"

namespace relay {

namespace {

void carry_stats(Carry &c, std::string_view name, wire::IngestStats &s) {
    c.object(name, [&s](Carry &in) {
        in("stream", s.stream);
        in("rate_bps", s.rate_bps);
        in("rtt_us", s.rtt_us);
        in("lost_packets", s.lost_packets);
        in("dropped_packets", s.dropped_packets);
    });
}

} // namespace

void Audience::carry(Carry &c) {
    c.map("viewers", m_until, [](Carry &in, std::uint64_t &viewer, std::int64_t &until_us) {
        in("number", viewer);
        in("until_us", until_us);
    });
}

void Event::carry(Carry &c) {
    c("peak_viewers", peak_viewers);
    c("bytes_in", bytes_in);
    c("bytes_out", bytes_out);
    c("segments_out", segments_out);
    c("viewers_refused", viewers_refused);
    c("viewers_moved", viewers_moved);
    c("viewers_dropped", viewers_dropped);
    c("gaps", gaps);
    c("payloads_lost", payloads_lost);
    c("live", live);
    c("withdrawn", withdrawn);
    c("sent_to", m_sent_to);
    c("poster_asked_us", poster_asked_us);
    c("poster_tried_us", poster_tried_us);
    std::string picture = m_poster ? m_poster->text() : "";
    c.bytes("poster", picture);
    if (!c.writing() && !picture.empty())
        m_poster = std::make_shared<const Document>(std::move(picture));
    {
        const std::lock_guard lock(m_places_mutex);
        c("audience", m_audience);
    }
}

void StreamKey::carry(Carry &c) {
    c("carrier", carrier);
    c("run", run);
    c("stream", stream);
}

void LiveEvent::carry(Carry &c) {
    c("store", m_store);
    c("event", *m_event);
    c.map("sources", m_sources, [](Carry &in, StreamKey &key, Source &source) {
        in("key", key);
        in("instance", source.instance);
        in("path", source.path);
        in("generation", source.generation);
        in("delivered", source.delivered);
        in("numbered", source.numbered);
        carry_stats(in, "numbers", source.numbers);
    });
    c("shown", m_shown);
    c("merged", m_merged);
    c("merge", m_merge);
    c("payloads_lost", m_payloads_lost);
    c("last_part", m_last_part);
    c("ended_at", m_ended_at);
    c("had_media", m_had_media);
    c("end_told", m_end_told);
    c("silent", m_silent);
    if (c.writing() || c.failed())
        return;
    tell_paths();
    publish();
}

void Sessions::carry(Carry &c) {
    c.map("open", m_open, [](Carry &in, StreamKey &key, Session &session) {
        in("key", key);
        in("reservation", session.what.reservation);
        in("stream", session.what.stream);
        in("generation", session.what.generation);
        in("instance", session.what.instance);
        in("path", session.what.path);
        in("peer", session.what.peer);
        in("begun", session.begun);
        in("bytes", session.bytes);
        carry_stats(in, "numbers", session.numbers);
    });
}

void Tallies::carry(Carry &c) {
    c.map("tallies", m_all, [](Carry &in, base::Id &id, Tally &tally) {
        in("reservation", id);
        wire::Receipt &f = tally.figures;
        f.reservation = id;
        in("admitted", f.admitted);
        in("first_media", f.first_media);
        in("gaps", f.gaps);
        in("bytes_in", f.bytes_in);
        in("bytes_out", f.bytes_out);
        in("payloads_lost", f.payloads_lost);
        in("peak_viewers", f.peak_viewers);
        in("open", tally.open);
        in("tag", tally.tag);
        in("counted_gaps", tally.counted.gaps);
        in("counted_bytes_in", tally.counted.bytes_in);
        in("counted_bytes_out", tally.counted.bytes_out);
        in("counted_payloads_lost", tally.counted.payloads_lost);
    });
}

void Recording::carry(Carry &c) {
    c("next", m_next);
    c("keep_until_ms", m_keep_until_ms);
    const std::lock_guard lock(m_mutex);
    c.set("lost", m_lost);
    m_lost_count = std::ssize(m_lost);
}

} // namespace relay
