#include "client/reservations.hpp"

#include "base/log.hpp"
#include "net/http_server.hpp"
#include "seal/password.hpp"

namespace client {

using base::Errc;
using base::Error;
using base::fail;
using base::Result;

namespace {

// What control sent does not read as its documents do: the peer's fault, not the user's input.
template <typename T> Result<T> answered(Result<T> read) {
    if (!read)
        return std::unexpected(Error{
            Errc::protocol, fmt::format("control's answer: {}", std::move(read).error().message),
            "are the versions of this program and of control's the same?"});
    return read;
}

template <typename T, typename Read>
Result<std::vector<T>> read_list(wire::ObjectReader &in, const std::string &key, Read read) {
    std::vector<T> out;
    for (const wire::Json &item : *TRY(answered(in.array(key))))
        out.push_back(TRY(answered(read(item, key))));
    return out;
}

template <typename T, typename Read>
Result<std::vector<T>> read_list(const Answer &answer, const std::string &key, Read read) {
    const wire::Json json = TRY(answer.json());
    auto in = TRY(answered(wire::ObjectReader::of(json, "answer")));
    return read_list<T>(in, key, read);
}

std::string query_of(const SlotQuery &q) {
    using net::percent_encode;
    std::string out = fmt::format(
        "?from={}&to={}&duration_s={}&rate_bps={}", percent_encode(base::format_rfc3339(q.from)),
        percent_encode(base::format_rfc3339(q.to)), q.duration.count() / 1000, q.rate.bps);
    if (q.viewers)
        out += fmt::format("&viewers={}", *q.viewers);
    if (q.channel)
        out += "&channel=" + percent_encode(*q.channel);
    for (const std::string &carrier : q.carriers)
        out += "&carrier=" + percent_encode(carrier);
    return out;
}

std::string path_of(const base::Id &id, std::string_view verb = {}) {
    return fmt::format("/v1/reservations/{}{}{}", id.text(), verb.empty() ? "" : "/", verb);
}

Result<Outcome> read_outcome(const Answer &answer) {
    const wire::Json json = TRY(answer.json());
    auto in = TRY(answered(wire::ObjectReader::of(json, "answer")));
    Outcome out;
    if (in.has("series")) {
        out.reservations =
            TRY(read_list<wire::Reservation>(in, "reservations", wire::read_reservation));
        if (in.has("settings"))
            out.all_settings =
                TRY(read_list<wire::SealedSettings>(in, "settings", wire::read_sealed));
        if (in.has("clashes"))
            out.clashes = TRY(read_list<wire::Clash>(in, "clashes", wire::read_clash));
        return out;
    }
    if (in.has("reservation")) {
        const wire::Json *reservation = TRY(in.value("reservation"));
        out.reservation =
            TRY(answered(wire::read_reservation(*reservation, in.where("reservation"))));
    }
    if (in.has("settings")) {
        const wire::Json *settings = TRY(in.value("settings"));
        out.settings = TRY(answered(wire::read_sealed(*settings, in.where("settings"))));
    }
    if (!out.reservation && !out.settings)
        return fail(Errc::protocol, "control's answer holds neither a reservation nor settings");
    return out;
}

Wanted wanted_of(const Api &api, const Change &change) {
    Wanted wanted{.origin = api.target().url,
                  .path = change.path,
                  .same = wire::canonical_json(change.body),
                  .body = wire::compact_json(change.body),
                  .fits = {}};
    if (!change.password)
        return wanted;
    wire::Json unsalted = change.body;
    request_within(unsalted).erase("password_hash");
    wanted.same = wire::canonical_json(unsalted);
    wanted.fits = [password = *change.password](const std::string &body) {
        auto json = wire::parse_json(body, "pending request");
        const auto *hash = json ? request_within(*json).if_contains("password_hash") : nullptr;
        return hash != nullptr && hash->is_string() &&
               seal::password_matches({hash->get_string().data(), hash->get_string().size()},
                                      password);
    };
    return wanted;
}

// Whether control decided: then the same key would only get the same answer again.
bool is_final(Errc code) {
    return code == Errc::refused || code == Errc::not_permitted;
}

void say_resumed(const Pending &pending) {
    if (pending.resumed)
        base::log::info("takes up the request of {} that was not finished",
                        base::format_rfc3339(pending.created));
}

// Forgets the request when control's no is final.
Result<Answer> settled(Result<Answer> answer, PendingStore &store, const Pending &pending) {
    if (!answer && is_final(answer.error().code))
        TRY(store.done(pending));
    return answer;
}

// The PATCH of what is there now, unless that is asked to be of a certain revision. When an earlier
// run was heard, control knows the key, and the revision does not matter.
Result<Answer> send_patch(Api &api, PendingStore &store, const Change &change,
                          const Pending &pending) {
    say_resumed(pending);
    auto revision = change.revision;
    if (!revision) {
        const auto shown = show_reservation(api, *change.id);
        if (!shown)
            return settled(std::unexpected(shown.error()), store, pending);
        revision = shown->revision;
    }
    return settled(
        api.patch(change.path, pending.body, pending.key, fmt::format("\"{}\"", *revision)), store,
        pending);
}

} // namespace

Result<Answer> send_pending(Api &api, PendingStore &store, const std::string &path,
                            const Pending &pending) {
    say_resumed(pending);
    return settled(api.post(path, pending.body, pending.key), store, pending);
}

Result<std::vector<wire::Slot>> find_slots(Api &api, const SlotQuery &query) {
    return read_list<wire::Slot>(TRY(api.get("/v1/availability" + query_of(query))), "slots",
                                 wire::read_slot);
}

Result<std::vector<wire::Reservation>> list_reservations(Api &api) {
    return read_list<wire::Reservation>(TRY(api.get("/v1/reservations")), "reservations",
                                        wire::read_reservation);
}

Result<wire::Reservation> show_reservation(Api &api, const base::Id &id) {
    const Answer answer = TRY(api.get(path_of(id)));
    const wire::Json json = TRY(answer.json());
    auto in = TRY(answered(wire::ObjectReader::of(json, "answer")));
    return answered(
        wire::read_reservation(*TRY(answered(in.value("reservation"))), in.where("reservation")));
}

Result<std::vector<wire::Json>> history_of(Api &api, const base::Id &id) {
    return read_list<wire::Json>(
        TRY(api.get(path_of(id, "history"))), "history",
        [](const wire::Json &item, const std::string &) -> Result<wire::Json> { return item; });
}

Result<std::string> show_calendar(Api &api, const base::Id &id) {
    std::string text = TRY(api.get(path_of(id, "event.ics"))).body;
    if (!text.starts_with("BEGIN:VCALENDAR\r\n"))
        return fail(Errc::protocol, "control's answer is no calendar");
    return text;
}

Result<std::vector<wire::Reservation>> show_series(Api &api, const base::Id &series) {
    return read_list<wire::Reservation>(TRY(api.get("/v1/series/" + series.text())), "reservations",
                                        wire::read_reservation);
}

Result<void> check_text(const Change &change) {
    if (wire::parse_json(wire::compact_json(change.body), "request"))
        return {};
    return base::fail_hint(Errc::usage, "set a UTF-8 locale, or give the option in UTF-8",
                           "the request holds text that is not UTF-8");
}

wire::JsonObject &request_within(wire::Json &body) {
    wire::JsonObject &whole = body.as_object();
    auto *inner = whole.if_contains("request");
    return inner != nullptr && inner->is_object() ? inner->get_object() : whole;
}

Change series(const wire::SeriesRequest &request, std::optional<std::string> password) {
    return {.path = "/v1/series", .body = wire::to_json(request), .password = std::move(password)};
}

Change series_cancelled(const base::Id &series) {
    return {.path = fmt::format("/v1/series/{}/cancel", series.text()),
            .body = wire::JsonObject{},
            .password = {}};
}

Change booking(const wire::ReservationRequest &request, std::optional<std::string> password) {
    return {.path = "/v1/reservations",
            .body = wire::to_json(request),
            .password = std::move(password)};
}

Change booking_at_once(const wire::ReservationRequest &request, base::Millis duration,
                       std::optional<std::string> password) {
    return {.path = "/v1/reservations",
            .body = wire::at_once(request, duration),
            .password = std::move(password)};
}

Change offer_taken(const std::string &offer, bool hold) {
    wire::JsonObject body{{"offer", offer}};
    if (hold)
        body["hold"] = true;
    return {.path = "/v1/reservations", .body = std::move(body), .password = {}};
}

Change plain_change(const base::Id &id, std::string_view verb) {
    return {.path = path_of(id, verb), .body = wire::JsonObject{}, .password = {}};
}

Change amendment(const base::Id &id, const wire::ReservationChange &change,
                 std::optional<std::int64_t> revision, std::optional<std::string> password) {
    return {.path = path_of(id),
            .body = wire::to_json(change),
            .password = std::move(password),
            .method = "PATCH",
            .id = id,
            .revision = revision};
}

Change extension(const base::Id &id, base::UtcTime end) {
    return {.path = path_of(id, "extend"),
            .body = wire::JsonObject{{"end", base::format_rfc3339(end)}},
            .password = {}};
}

Change settings_again(const base::Id &id, bool new_generation) {
    return {.path = path_of(id, "settings"),
            .body = wire::JsonObject{{"new_generation", new_generation}},
            .password = {}};
}

Change preflight_of(const base::Id &id) {
    return {.path = path_of(id, "settings"),
            .body = wire::JsonObject{{"preflight", true}},
            .password = {}};
}

Result<Outcome> carry_out(Api &api, PendingStore &store, const Change &change,
                          const base::Clock &clock) {
    const Pending pending = TRY(store.begin(wanted_of(api, change), clock.now()));
    const Answer answer =
        TRY(change.method == "PATCH" ? send_patch(api, store, change, pending)
                                     : send_pending(api, store, change.path, pending));
    Outcome outcome = TRY(read_outcome(answer));
    outcome.pending = pending;
    return outcome;
}

} // namespace client
