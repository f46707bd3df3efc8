// How the processes that face strangers are handed over: they go on, and notice nothing.
#include "relay/carry.hpp"
#include "relay/srt_out.hpp"

namespace relay {

void Process::carry(Carry &c) {
    c.process("pid", m_pid);
}

void Child::carry(Carry &c, std::optional<Child> &child) {
    bool there = child.has_value();
    c("there", there);
    if (!there)
        return;
    Process process{-1};
    int fd = child ? child->fd() : -1;
    if (child)
        child->m_process.carry(c);
    else
        process.carry(c);
    c.descriptor("socket", fd);
    if (!c.writing() && !c.failed())
        child.emplace(Child{std::move(process), base::MessageSocket{base::Fd{fd}}});
}

void Intake::carry(Carry &c) {
    c.map("streams", m_streams, [](Carry &in, std::int64_t &number, Stream &s) {
        in("stream", number);
        in("reservation", s.reservation);
        in.map("extents", s.extents, [](Carry &of, std::int64_t &extent, ExtentPtr &there) {
            of("number", extent);
            of("extent", there);
        });
        in("given", s.given);
        in("owed", s.owed);
        in("current", s.current);
        in("offset", s.offset);
        in("position", s.position);
        in("numbered", s.numbered);
        in("last_cut", s.last_cut);
        in("last_unit", s.last_unit);
        in("received_us", s.received_us);
    });
    c.map("preflights", m_preflights, [](Carry &in, std::int64_t &number, base::Id &reservation) {
        in("stream", number);
        in("reservation", reservation);
    });
    c.set("admitted", m_admitted);
    c("highest", m_highest);
    c.list("outbox", outbox, [](Carry &in, Outgoing &next) {
        in.json(
            "message", next.message,
            [](const wire::IngestMessage &m) { return wire::Json(wire::write_ingest(m)); },
            [](const wire::Json &value, const std::string &where) {
                return value.is_string()
                           ? wire::read_ingest(value.get_string())
                           : base::fail(base::Errc::bad_data, "{}: not a message", where);
            });
        in("extent", next.extent);
    });
}

void SrtOut::carry(Carry &c, const std::map<base::Id, LiveEvent> &events) {
    Child::carry(c, m_child);
    c("started", m_started);
    c.map("events", m_known, [&](Carry &in, base::Id &id, Known &known) {
        in("reservation", id);
        in("number", known.number);
        in("viewers", known.viewers);
        in("sent_to", known.sent_to);
        in("end_told", known.end_told);
        in.map("extents", known.extents, [](Carry &of, ExtentPtr &extent, std::int64_t &number) {
            of("extent", extent);
            of("number", number);
        });
        if (const auto live = events.find(id); live != events.end())
            known.event = live->second.event();
        else if (!in.failed())
            in.refuse({base::Errc::bad_data, "state: SRT out has an event that is not there"});
    });
    c.map("sessions", m_sessions, [](Carry &in, std::int64_t &number, Session &session) {
        in("session", number);
        in("event", session.event);
        in("entered", session.entered);
    });
    c("highest", m_highest);
    c("next_event", m_next_event);
    c("next_extent", m_next_extent);
    c.list("outbox", outbox, [](Carry &in, std::pair<wire::PullMessage, base::Fd> &next) {
        in.json(
            "message", next.first,
            [](const wire::PullMessage &m) { return wire::Json(wire::write_pull(m)); },
            [](const wire::Json &value, const std::string &where) {
                return value.is_string()
                           ? wire::read_pull(value.get_string())
                           : base::fail(base::Errc::bad_data, "{}: not a message", where);
            });
        int fd = next.second.get();
        in.descriptor("fd", fd);
        if (!in.writing() && !in.failed())
            next.second = base::Fd{fd};
    });
    if (c.writing() || c.failed())
        return;
    for (const auto &[number, session] : m_sessions)
        if (Known *known = find(session.event); known != nullptr && session.entered)
            known->event->take_place();
}

} // namespace relay
