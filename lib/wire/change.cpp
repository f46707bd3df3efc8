#include "wire/change.hpp"

#include "wire/lists.hpp"

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {
constexpr std::int64_t k_longest_s = 366LL * 86'400;
}

Json to_json(const ReservationChange &c) {
    if (c.offer)
        return JsonObject{{"offer", *c.offer}};
    JsonObject out;
    if (c.start)
        out["start"] = base::format_rfc3339(*c.start);
    if (c.end)
        out["end"] = base::format_rfc3339(*c.end);
    if (c.duration)
        out["duration_s"] = c.duration->count() / 1000;
    if (c.rate)
        out["rate_bps"] = c.rate->bps;
    if (c.title)
        out["title"] = *c.title;
    if (c.viewers)
        out["viewers"] = *c.viewers;
    if (c.channel)
        out["channel"] = *c.channel;
    if (!c.carriers.empty())
        out["carriers"] = to_array(c.carriers);
    if (c.disclosure)
        out["disclosure"] = resv::name(*c.disclosure);
    if (c.password_hash)
        out["password_hash"] = *c.password_hash;
    if (c.notify)
        out["notify"] = to_array(*c.notify);
    return out;
}

Result<ReservationChange> read_change(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, where));
    ReservationChange c;
    if (in.has("offer")) {
        c.offer = TRY(in.string("offer", k_max_offer));
        TRY(in.finish());
        return c;
    }
    if (json.as_object().empty())
        return fail(Errc::bad_data, "{}: says nothing to change", where);
    c.start = TRY(in.optional_time("start"));
    c.end = TRY(in.optional_time("end"));
    if (in.has("duration_s"))
        c.duration = base::Seconds{TRY(in.integer("duration_s", 1, k_longest_s))};
    if (c.end && c.duration)
        return fail(Errc::bad_data, "{}: not beside end", in.where("duration_s"));
    if (in.has("rate_bps"))
        c.rate = base::BitRate{TRY(in.integer("rate_bps", 1, k_max_bps))};
    if (in.has("title"))
        c.title = TRY(read_title(in));
    if (c.title)
        TRY(check_title(*c.title, in.where("title")));
    if (in.has("viewers"))
        c.viewers = TRY(in.integer("viewers", 1, k_max_viewers));
    c.channel = TRY(in.optional_string("channel", 32));
    if (in.has("carriers")) {
        c.carriers = TRY(plain_names(in, "carriers"));
        if (c.carriers.empty())
            return fail(Errc::bad_data, "{}: name 1 to 8 carriers", in.where("carriers"));
    }
    if (in.has("disclosure"))
        c.disclosure = TRY(resv::parse_disclosure(TRY(in.string("disclosure", 16))));
    c.password_hash = TRY(in.optional_string("password_hash", 128));
    if (c.password_hash.has_value() != (c.disclosure == resv::Disclosure::password))
        return fail(Errc::bad_data, "{}: goes with disclosure password, and only with it",
                    in.where("password_hash"));
    if (in.has("notify"))
        c.notify = TRY(in.strings("notify", 16));
    TRY(in.finish());
    return c;
}

ReservationChange change_to(const ReservationRequest &r) {
    return {.start = r.start,
            .end = r.end,
            .duration = {},
            .rate = r.rate,
            .title = r.title,
            .viewers = r.viewers,
            .channel = r.channel,
            .carriers = r.carriers,
            .disclosure = r.disclosure,
            .password_hash = r.password_hash,
            .notify = r.notify,
            .offer = {}};
}

ReservationRequest changed(ReservationRequest r, const ReservationChange &c) {
    const base::Millis length = c.duration.value_or(r.end - r.start);
    if (c.start || c.duration) {
        r.start = c.start.value_or(r.start);
        r.end = r.start + length;
    }
    r.end = c.end.value_or(r.end);
    r.rate = c.rate.value_or(r.rate);
    r.title = c.title.value_or(r.title);
    r.viewers = c.viewers ? c.viewers : r.viewers;
    r.channel = c.channel ? c.channel : r.channel;
    if (!c.carriers.empty())
        r.carriers = c.carriers;
    if (c.disclosure) {
        r.disclosure = *c.disclosure;
        r.password_hash = c.password_hash;
    }
    r.notify = c.notify.value_or(r.notify);
    return r;
}

} // namespace wire
