#include "relay/tally.hpp"

namespace relay {

using base::Result;

void Tallies::admitted(const base::Id &reservation, base::UtcTime at) {
    const auto [found, fresh] = m_all.try_emplace(reservation);
    Tally &tally = found->second;
    if (fresh) {
        tally.figures.reservation = reservation;
        tally.figures.admitted = at;
    }
    tally.open = true;
}

void Tallies::count(const base::Id &reservation, const Event &event, base::UtcTime at) {
    const auto found = m_all.find(reservation);
    if (found == m_all.end())
        return;
    Tally &tally = found->second;
    wire::Receipt &sum = tally.figures;
    const Counts now{.gaps = event.gaps,
                     .bytes_in = event.bytes_in,
                     .bytes_out = event.bytes_out,
                     .payloads_lost = event.payloads_lost};
    if (tally.tag != event.tag()) {
        if (now.bytes_in == 0)
            return;                           // it does not go on yet
        sum.gaps += sum.bytes_in > 0 ? 1 : 0; // the relay was started anew, or the event went on
        tally.tag = event.tag();
        tally.counted = {};
    }
    if (now.bytes_in > 0 && !sum.first_media)
        sum.first_media = at;
    const Counts former = std::exchange(tally.counted, now);
    sum.gaps += now.gaps - former.gaps;
    sum.bytes_in += now.bytes_in - former.bytes_in;
    sum.bytes_out += now.bytes_out - former.bytes_out;
    sum.payloads_lost += now.payloads_lost - former.payloads_lost;
    sum.peak_viewers = std::max(sum.peak_viewers, event.peak_viewers.load());
}

std::optional<wire::Receipt> Tallies::end(const base::Id &reservation, base::UtcTime at,
                                          const std::string &relay) {
    const auto found = m_all.find(reservation);
    if (found == m_all.end() || !std::exchange(found->second.open, false))
        return std::nullopt;
    wire::Receipt &figures = found->second.figures;
    figures.relay = relay;
    figures.ended = std::max(at, figures.first_media.value_or(figures.admitted));
    return figures;
}

std::vector<base::Id> Tallies::open() const {
    std::vector<base::Id> out;
    for (const auto &[id, tally] : m_all)
        if (tally.open)
            out.push_back(id);
    return out;
}

std::vector<base::Id> Tallies::all() const {
    std::vector<base::Id> out;
    for (const auto &[id, tally] : m_all)
        out.push_back(id);
    return out;
}

std::string Tallies::text(std::string_view relay) const {
    wire::JsonArray list;
    for (const auto &[id, tally] : m_all) {
        const wire::Receipt &f = tally.figures;
        wire::JsonObject one{{"reservation", id.text()},
                             {"open", tally.open},
                             {"admitted", base::format_rfc3339(f.admitted)},
                             {"gaps", f.gaps},
                             {"bytes_in", f.bytes_in},
                             {"bytes_out", f.bytes_out},
                             {"payloads_lost", f.payloads_lost},
                             {"peak_viewers", f.peak_viewers}};
        if (f.first_media)
            one["first_media"] = base::format_rfc3339(*f.first_media);
        list.push_back(std::move(one));
    }
    const wire::JsonObject out{{"v", 1}, {"relay", relay}, {"tallies", std::move(list)}};
    return wire::compact_json(out) + "\n";
}

Result<Tallies> Tallies::read(std::string_view text, std::string_view relay) {
    const wire::Json json = TRY(wire::parse_json(text, "tallies"));
    auto in = TRY(wire::ObjectReader::of(json, "tallies"));
    TRY(in.integer("v", 1, 1));
    if (TRY(in.string("relay", 64)) != relay)
        return base::fail(base::Errc::bad_data, "{}: of another relay", in.where("relay"));
    Tallies out;
    for (const wire::Json &item : *TRY(in.array("tallies"))) {
        auto one = TRY(wire::ObjectReader::of(item, in.where("tallies")));
        Tally tally;
        wire::Receipt &f = tally.figures;
        f.reservation = TRY(base::Id::parse(TRY(one.string("reservation", 64))));
        tally.open = TRY(one.boolean_or("open", true));
        f.admitted = TRY(one.time("admitted"));
        f.first_media = TRY(one.optional_time("first_media"));
        f.gaps = TRY(one.integer("gaps"));
        f.bytes_in = TRY(one.integer("bytes_in"));
        f.bytes_out = TRY(one.integer("bytes_out"));
        f.payloads_lost = TRY(one.integer("payloads_lost"));
        f.peak_viewers = TRY(one.integer("peak_viewers"));
        TRY(one.finish());
        out.m_all.insert_or_assign(f.reservation, std::move(tally));
    }
    TRY(in.finish());
    return out;
}

} // namespace relay
