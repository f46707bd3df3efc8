#include "wire/reservation.hpp"

#include "wire/lists.hpp"
#include "wire/notify.hpp"

#include <algorithm>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {

Result<base::Id> id_of(ObjectReader &in, std::string_view key) {
    auto id = base::Id::parse(TRY(in.string(key, 64)));
    if (!id)
        return std::unexpected(std::move(id).error().in(in.where(key)));
    return *id;
}

} // namespace

Json to_json(const ReservationRequest &r) {
    JsonObject out{{"start", base::format_rfc3339(r.start)},
                   {"end", base::format_rfc3339(r.end)},
                   {"rate_bps", r.rate.bps},
                   {"title", r.title},
                   {"carriers", to_array(r.carriers)},
                   {"disclosure", resv::name(r.disclosure)},
                   {"notify", to_array(r.notify)},
                   {"hold", r.hold}};
    if (r.viewers)
        out["viewers"] = *r.viewers;
    if (r.channel)
        out["channel"] = *r.channel;
    if (r.password_hash)
        out["password_hash"] = *r.password_hash;
    return out;
}

Result<ReservationRequest> read_request(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    ReservationRequest r;
    r.start = TRY(in.time("start"));
    r.end = TRY(in.time("end"));
    if (r.end <= r.start)
        return fail(Errc::bad_data, "{}: not after start", in.where("end"));
    r.rate.bps = TRY(in.integer("rate_bps", 1, k_max_bps));
    r.title = TRY(read_title(in));
    if (in.has("viewers"))
        r.viewers = TRY(in.integer("viewers", 1, k_max_viewers));
    TRY(in.integer_or("viewers", 1));
    r.channel = TRY(in.optional_string("channel", 32));
    if (r.channel && !is_plain_name(*r.channel))
        return fail(Errc::bad_data, "{}: not a channel's name", in.where("channel"));
    r.carriers = TRY(plain_names(in, "carriers"));
    if (r.carriers.empty() || r.carriers.size() > 8)
        return fail(Errc::bad_data, "{}: name 1 to 8 carriers", in.where("carriers"));
    for (std::size_t i = 0; i < r.carriers.size(); ++i)
        for (std::size_t j = i + 1; j < r.carriers.size(); ++j)
            if (r.carriers[i] == r.carriers[j])
                return fail(Errc::bad_data, "{}: '{}' stands twice", in.where("carriers"),
                            r.carriers[i]);
    r.disclosure = TRY(resv::parse_disclosure(TRY(in.string("disclosure", 16))));
    r.password_hash = TRY(in.optional_string("password_hash", 128));
    if (r.password_hash.has_value() != (r.disclosure == resv::Disclosure::password))
        return fail(Errc::bad_data, "{}: goes with disclosure password, and only with it",
                    in.where("password_hash"));
    r.notify = TRY(in.strings("notify", k_max_notify));
    for (auto at = r.notify.begin(); at != r.notify.end(); ++at) {
        if (const auto target = parse_notify(*at); !target)
            return std::unexpected(base::Error(target.error()).in(in.where("notify")));
        if (std::find(r.notify.begin(), at, *at) != at)
            return fail(Errc::bad_data, "{}: an address stands twice", in.where("notify"));
    }
    r.hold = TRY(in.boolean_or("hold", false));
    TRY(in.finish());
    return r;
}

Json at_once(const ReservationRequest &request, base::Millis duration) {
    JsonObject out{{"now", true}};
    const JsonObject all = to_json(request).as_object();
    for (const auto &[key, value] : all)
        if (key == "end" && duration > base::Millis{0})
            out["duration_s"] = duration.count() / 1000;
        else if (key != "start" && key != "hold")
            out[key] = value;
    return out;
}

namespace {

// A request without a start, read as one that starts at the epoch.
Result<Asked> read_at_once(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, where));
    Asked asked;
    asked.at_once = true;
    JsonObject rest = json.as_object();
    for (const auto *key : {"start", "hold"})
        if (in.has(key))
            return fail(Errc::bad_data, "{}: not beside now", in.where(key));
    if (in.has("duration_s") == in.has("end"))
        return fail(Errc::bad_data, "{}: needs duration_s or end", where);
    if (in.has("duration_s")) {
        asked.duration = base::Seconds{TRY(in.integer("duration_s", 1, 366LL * 86'400))};
        rest["end"] = base::format_rfc3339(base::UtcTime{} + asked.duration);
        rest.erase("duration_s");
    }
    rest.erase("now");
    rest["start"] = base::format_rfc3339(base::UtcTime{});
    asked.request = TRY(read_request(rest, std::move(where)));
    TRY(check_title(asked.request.title, in.where("title")));
    return asked;
}

} // namespace

Result<Asked> read_asked(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, where));
    Asked asked;
    if (TRY(in.boolean_or("now", false)))
        return read_at_once(json, std::move(where));
    if (!in.has("offer")) {
        asked.request = TRY(read_request(json, std::move(where)));
        TRY(check_title(asked.request.title, in.where("title")));
        return asked;
    }
    asked.offer = TRY(in.string("offer", k_max_offer));
    if (in.has("hold"))
        asked.hold = TRY(in.boolean_or("hold", false));
    TRY(in.finish());
    return asked;
}

Json to_json(const Reservation &r) {
    JsonObject out{{"type", "reservation"},
                   {"v", 1},
                   {"id", r.id.text()},
                   {"state", resv::name(r.state)},
                   {"owner", r.owner},
                   {"channel", r.channel},
                   {"relay", r.relay},
                   {"start", base::format_rfc3339(r.window.start)},
                   {"end", base::format_rfc3339(r.window.end)},
                   {"lead_in_s", r.window.lead_in.count()},
                   {"drain_s", r.window.drain.count()},
                   {"rate_bps", r.rate.bps},
                   {"viewers", r.viewers},
                   {"carriers", to_array(r.carriers)},
                   {"title", r.title},
                   {"disclosure", resv::name(r.disclosure)},
                   {"viewer_url", r.viewer_url},
                   {"generation", r.generation},
                   {"revision", r.revision},
                   {"created", base::format_rfc3339(r.created)}};
    if (r.hold_expires)
        out["hold_expires"] = base::format_rfc3339(*r.hold_expires);
    put_fee(out, r.fee);
    if (r.series)
        out["series"] = r.series->text();
    if (r.receipt)
        out["receipt"] = to_json(*r.receipt);
    return out;
}

Result<Reservation> read_reservation(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    Reservation r;
    r.id = TRY(id_of(in, "id"));
    r.state = TRY(resv::parse_state(TRY(in.string("state", 16))));
    r.owner = TRY(in.string("owner", 64));
    r.channel = TRY(in.string("channel", 32));
    r.relay = TRY(in.string("relay", 32));
    r.window.start = TRY(in.time("start"));
    r.window.end = TRY(in.time("end"));
    r.window.lead_in = base::Seconds{TRY(in.integer("lead_in_s", 0, 86'400))};
    r.window.drain = base::Seconds{TRY(in.integer("drain_s", 0, 86'400))};
    r.rate.bps = TRY(in.integer("rate_bps", 1, k_max_bps));
    r.viewers = TRY(in.integer("viewers", 0, k_max_viewers));
    r.carriers = TRY(plain_names(in, "carriers"));
    r.title = TRY(read_title(in));
    r.disclosure = TRY(resv::parse_disclosure(TRY(in.string("disclosure", 16))));
    r.viewer_url = TRY(in.string("viewer_url"));
    r.generation = static_cast<std::uint32_t>(TRY(in.integer("generation", 0, 0xffffffffLL)));
    r.revision = TRY(in.integer("revision"));
    r.created = TRY(in.time("created"));
    r.hold_expires = TRY(in.optional_time("hold_expires"));
    r.fee = TRY(read_fee(in));
    if (in.has("series"))
        r.series = TRY(id_of(in, "series"));
    if (in.has("receipt"))
        r.receipt = TRY(read_receipt(*TRY(in.value("receipt")), in.where("receipt")));
    return r;
}

Json to_json(const Slot &s) {
    JsonObject out{{"type", "slot"},
                   {"v", 1},
                   {"start", base::format_rfc3339(s.start)},
                   {"latest_start", base::format_rfc3339(s.latest_start)},
                   {"duration_s", s.duration.count() / 1000},
                   {"grid_s", s.grid.count() / 1000},
                   {"channel", s.channel},
                   {"carriers", to_array(s.carriers)},
                   {"rate_bps", s.rate.bps},
                   {"viewers", s.viewers}};
    put_fee(out, s.fee);
    if (s.left)
        out["left"] = JsonObject{{"streams", s.left->streams},
                                 {"lines", s.left->lines},
                                 {"carrier_bps", s.left->carrier_bps},
                                 {"rate_bps", s.left->rate.bps},
                                 {"viewers", s.left->viewers}};
    return out;
}

Result<Slot> read_slot(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    Slot s;
    s.start = TRY(in.time("start"));
    s.latest_start = TRY(in.time("latest_start"));
    s.duration = base::Seconds{TRY(in.integer("duration_s", 1, 366 * 86'400))};
    s.grid = base::Seconds{TRY(in.integer_or("grid_s", 0, 0, 86'400))};
    s.channel = TRY(in.string("channel", 32));
    s.carriers = TRY(plain_names(in, "carriers"));
    s.rate.bps = TRY(in.integer("rate_bps", 1, k_max_bps));
    s.viewers = TRY(in.integer("viewers", 0, k_max_viewers));
    s.fee = TRY(read_fee(in));
    if (in.has("left")) {
        auto left = TRY(in.object("left"));
        s.left.emplace();
        s.left->streams = TRY(left.integer("streams", 0));
        s.left->lines = TRY(left.integer("lines", 0));
        s.left->carrier_bps = TRY(left.integer("carrier_bps", 0));
        s.left->rate.bps = TRY(left.integer("rate_bps", 0, k_max_bps));
        s.left->viewers = TRY(left.integer("viewers", 0, k_max_viewers));
    }
    return s;
}

Json to_json(const EnrolRequest &r) {
    return JsonObject{{"token", r.token}, {"sign_key", r.sign_key}, {"box_key", r.box_key}};
}

Result<EnrolRequest> read_enrol_request(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    EnrolRequest r;
    r.token = TRY(in.string("token", 128));
    r.sign_key = TRY(in.string("sign_key", 64));
    r.box_key = TRY(in.string("box_key", 64));
    TRY(in.finish());
    return r;
}

Json to_json(const EnrolAnswer &a) {
    JsonObject out{{"name", a.name}, {"role", a.role}, {"control_key", a.control_key}};
    if (!a.group_key_sealed.empty())
        out["group_key_sealed"] = a.group_key_sealed;
    return out;
}

Result<EnrolAnswer> read_enrol_answer(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    EnrolAnswer out;
    out.name = TRY(in.string("name", 64));
    out.role = TRY(in.string("role", 32));
    out.control_key = TRY(in.string("control_key", 64));
    out.group_key_sealed = TRY(in.optional_string("group_key_sealed", 512)).value_or("");
    return out;
}

} // namespace wire
