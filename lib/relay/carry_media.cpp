// How the live store is handed over: places and numbers only, for the media stays where it lies.
#include "relay/carry.hpp"
#include "relay/live_event.hpp"

namespace relay {

namespace {

void carry_segment(Carry &c, Segment &s) {
    c("sequence", s.sequence);
    c("begin", s.begin);
    c("end", s.end);
    c("ticks", s.ticks);
    c("discontinuity", s.discontinuity);
    c("discontinuities_before", s.discontinuities_before);
    c("utc_ms", s.utc_ms);
    c("tag", s.tag);
    c("gap", s.gap);
}

void carry_part(Carry &c, Part &p) {
    c("sequence", p.sequence);
    c("index", p.index);
    c("begin", p.begin);
    c("end", p.end);
    c("ticks", p.ticks);
    c("independent", p.independent);
}

void carry_slices(Carry &c, std::string_view name, std::deque<Slice> &row) {
    c.list(name, row, [](Carry &in, Slice &slice) { in("slice", slice); });
}

} // namespace

void Parts::carry(Carry &c) {
    c.list("finished", m_parts, carry_part);
    c.maybe("open", m_open, [](Carry &in, Open &o) {
        in("sequence", o.sequence);
        in("index", o.index);
        in("begin", o.begin);
        in("ticks", o.ticks);
        in("independent", o.independent);
        in.maybe("last", o.last, [](Carry &of, Unit &u) {
            of("position", u.position);
            of("dts_90k", u.dts_90k);
            of("received_us", u.received_us);
            of("ticks", u.ticks);
            of("step", u.step);
        });
    });
    c("cut", m_cut);
    c("target", m_target);
}

void Segmenter::carry(Carry &c) {
    c.list("finished", m_segments, carry_segment);
    c.maybe("open", m_open, [](Carry &in, Open &o) {
        in("begin", o.begin);
        in("ticks", o.ticks);
        in("discontinuity", o.discontinuity);
        in("utc_ms", o.utc_ms);
    });
    c("parts", m_parts);
    c("next", m_next);
    c("discontinuities", m_discontinuities);
    c("target_s", m_target_s);
    c.maybe("dated", m_dated, [](Carry &in, std::pair<std::int64_t, std::int64_t> &dated) {
        in("ticks", dated.first);
        in("utc_ms", dated.second);
    });
    c("pending_discontinuity", m_pending_discontinuity);
    c("any_stream", m_any_stream);
    c("last_pts", m_last_pts);
    c("cut_ticks", m_cut_ticks);
    c("cut_received_us", m_cut_received_us);
    c("last_received_us", m_last_received_us);
}

void Store::carry(Carry &c) {
    c("segments", m_segmenter);
    carry_slices(c, "slices", m_slices);
    carry_slices(c, "pending", m_pending);
    c.list("marks", m_marks, [](Carry &in, PartMark &mark) {
        in("begin", mark.begin);
        in("received_us", mark.received_us);
    });
    c("end", m_end);
    c("stream_end", m_stream_end);
    c("shift", m_shift);
    c("newest_cut", m_newest_cut);
    c("memory_begin", m_memory_begin);
    c("next_recorded", m_next_recorded);
    c("lost", m_lost);
    c("streaming", m_streaming);
    c("joined", m_joined);
    c("ended", m_ended);
    c("all", m_all);
    if (c.writing() || c.failed())
        return;
    // The playlists follow from these. Nothing has been built of them yet:
    m_built = m_built_parts = {.first = -2};
    rebuild();
}

void PathMerge::carry(Carry &c) {
    const auto carry_run = [](Carry &in, Run &run) {
        in("first", run.first);
        in("end", run.end);
        in("payload", run.payload);
        in("position", run.position);
    };
    const auto carry_marks = [](Carry &in, std::string_view name, Marks &marks) {
        in.object(name, [&marks](Carry &of) {
            of.map("found", marks.found, [](Carry &one, Place &place, std::int64_t &stamp) {
                one("payload", place.first);
                one("inside", place.second);
                one("stamp", stamp);
            });
            of("last", marks.last);
        });
    };
    c.map("paths", m_paths, [&](Carry &in, unsigned &number, Path &path) {
        in("path", number);
        in("delivered", path.delivered);
        in("passed", path.passed);
        in.list("recent", path.recent, carry_run);
    });
    c.map("held", m_held, [&](Carry &in, std::int64_t &first, Held &held) {
        in("at", first);
        in.object("run", [&](Carry &of) { carry_run(of, held.run); });
        in("extent", held.extent);
        in("offset", held.offset);
        in("received_us", held.received_us);
        in("since", held.since);
    });
    c.list("shown", m_shown, carry_run);
    carry_marks(c, "cuts", m_cuts);
    carry_marks(c, "units", m_units);
    c("next", m_next);
    c("position", m_position);
    c("received_us", m_received_us);
    c("shown_at", m_shown_at);
    c("lost", m_lost);
    c("twice", m_twice);
}

} // namespace relay
