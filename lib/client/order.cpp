#include "client/order.hpp"

#include "cli/time_arg.hpp"
#include "cli/tool.hpp"
#include "client/enrol.hpp"
#include "resv/rrule.hpp"
#include "seal/password.hpp"
#include "wire/lists.hpp"

#include <algorithm>

namespace client {

using base::Errc;
using base::fail_hint;
using base::Result;
using base::UtcTime;
using cli::option_value;

namespace {

Result<UtcTime> time_of(std::string_view option, const std::string &text, const Order &order,
                        UtcTime now) {
    const UtcTime t = TRY(option_value(option, cli::parse_time(text, order.zone, now)));
    return cli::not_past(t, now, option);
}

Result<base::Millis> duration_of(const Order &order) {
    return option_value("--duration", base::parse_duration(order.duration));
}

Result<UtcTime> end_of(const Order &order, UtcTime start, UtcTime now) {
    if (order.end.empty() == order.duration.empty())
        return fail_hint(Errc::usage, "give one of them", "--duration or --end is needed");
    if (!order.duration.empty())
        return start + TRY(duration_of(order));
    const UtcTime end = TRY(time_of("--end", order.end, order, now));
    if (end <= start)
        return fail_hint(Errc::usage, "the end comes after the start; past midnight give its date",
                         "--end {}: is not after --start {}", base::format_rfc3339(end),
                         base::format_rfc3339(start));
    return end;
}

Result<std::optional<std::string>> password_of(const Order &order) {
    if ((order.disclosure == "password") != !order.password_file.empty())
        return fail_hint(Errc::usage, "give both, or none",
                         "--disclosure password and --password-file go together");
    if (order.password_file.empty())
        return std::optional<std::string>{};
    return std::optional{TRY(read_secret_line(order.password_file, "password"))};
}

bool says_more_than_offer(const Order &order) {
    bool more = order.start || order.rate || order.viewers || order.channel ||
                !order.carriers.empty() || !order.notify.empty() || order.title || order.at_once ||
                order.repeat;
    for (const std::string *text :
         {&order.end, &order.duration, &order.on_clash, &order.disclosure, &order.password_file})
        more = more || !text->empty();
    return more;
}

// Whether it can be one at all: what else somebody pastes is not even kept to be sent.
Result<std::string> offer_of(const Order &order) {
    const auto plain = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    if (order.offer->size() > wire::k_max_offer || !std::ranges::all_of(*order.offer, plain))
        return fail_hint(Errc::usage, "give it whole, as it was printed", "--offer: is no offer");
    return *order.offer;
}

// An offer holds the whole request but whether to hold it.
Result<Change> take_offer(const Order &order) {
    if (says_more_than_offer(order))
        return fail_hint(Errc::usage, "only --hold goes with it",
                         "--offer: it holds the whole request already");
    return offer_taken(TRY(offer_of(order)), order.hold);
}

// What control would refuse anyway, before it is asked; the days are control's to find.
Result<Change> series_of(const Order &order, const wire::ReservationRequest &request,
                         std::optional<std::string> password) {
    if (order.hold || order.at_once)
        return fail_hint(Errc::usage, "leave it away, or book single reservations",
                         "--{}: does not go with --repeat", order.hold ? "hold" : "now");
    wire::SeriesRequest s;
    s.request = request;
    s.repeat = *order.repeat;
    s.zone = TRY(option_value("--zone", cli::zone_name(order.zone)));
    TRY(option_value("--repeat", resv::parse_rrule(s.repeat)));
    if (!order.on_clash.empty())
        s.on_clash = TRY(option_value("--on-clash", wire::parse_on_clash(order.on_clash)));
    return series(s, std::move(password));
}

} // namespace

Result<Change> booking_of(const Order &order, UtcTime now) {
    if (order.offer)
        return take_offer(order);
    if (order.start.has_value() == order.at_once || !order.rate)
        return fail_hint(Errc::usage, "give --start or --now, and --rate; or --offer",
                         "--start and --rate are needed");
    if (order.at_once && order.hold)
        return fail_hint(Errc::usage, "leave --hold away",
                         "--now: books at once, and holds nothing");
    const UtcTime start = order.at_once ? now : TRY(time_of("--start", *order.start, order, now));
    const std::string disclosure = order.disclosure.empty() ? "public" : order.disclosure;
    wire::ReservationRequest r;
    r.start = start;
    r.end = TRY(end_of(order, start, now));
    r.rate = TRY(option_value("--rate", base::parse_rate(*order.rate)));
    r.title = order.title.value_or("");
    TRY(option_value("book", wire::check_title(r.title, "--title")));
    r.viewers = order.viewers;
    r.channel = order.channel;
    r.carriers = order.carriers;
    r.disclosure = TRY(option_value("--disclosure", resv::parse_disclosure(disclosure)));
    r.notify = order.notify;
    r.hold = order.hold;
    std::optional<std::string> password = TRY(password_of(order));
    if (password)
        r.password_hash = TRY(option_value("--password-file", seal::hash_password(*password)));
    TRY(option_value("book", wire::read_request(wire::to_json(r), "request")));
    if (order.repeat)
        return series_of(order, r, std::move(password));
    if (!order.on_clash.empty())
        return fail_hint(Errc::usage, "give --repeat too", "--on-clash: goes with --repeat");
    if (!order.at_once)
        return booking(r, std::move(password));
    const base::Millis duration = order.duration.empty() ? base::Millis{0} : r.end - r.start;
    if (duration.count() % 1000 != 0)
        return fail_hint(Errc::usage, "give --end to the millisecond",
                         "--duration {}: has a fraction of a second", order.duration);
    return booking_at_once(r, duration, std::move(password));
}

Result<Change> amendment_of(const Order &order, const base::Id &id,
                            std::optional<std::int64_t> revision, UtcTime now) {
    wire::ReservationChange c;
    if (order.offer)
        c.offer = TRY(offer_of(order));
    if (order.offer && says_more_than_offer(order))
        return fail_hint(Errc::usage, "give it alone",
                         "--offer: it holds the whole change already");
    if (order.start)
        c.start = TRY(time_of("--start", *order.start, order, now));
    if (!order.end.empty() && !order.duration.empty())
        return fail_hint(Errc::usage, "give one of them",
                         "--duration and --end contradict each other");
    if (!order.end.empty())
        c.end = TRY(time_of("--end", order.end, order, now));
    if (!order.duration.empty())
        c.duration = TRY(duration_of(order));
    if (c.duration && c.duration->count() % 1000 != 0)
        return fail_hint(Errc::usage, "give --end to the millisecond",
                         "--duration {}: has a fraction of a second", order.duration);
    if (order.rate)
        c.rate = TRY(option_value("--rate", base::parse_rate(*order.rate)));
    c.title = order.title;
    c.viewers = order.viewers;
    c.channel = order.channel;
    c.carriers = order.carriers;
    if (!order.disclosure.empty())
        c.disclosure = TRY(option_value("--disclosure", resv::parse_disclosure(order.disclosure)));
    if (!order.notify.empty())
        c.notify = order.notify;
    std::optional<std::string> password = TRY(password_of(order));
    if (password)
        c.password_hash = TRY(option_value("--password-file", seal::hash_password(*password)));
    if (wire::to_json(c).as_object().empty())
        return fail_hint(Errc::usage, "give what is to be otherwise, such as --start",
                         "nothing to change");
    TRY(option_value("change", wire::read_change(wire::to_json(c), "change")));
    return amendment(id, c, revision, std::move(password));
}

Result<Change> extension_of(const Order &order, const base::Id &id, UtcTime now) {
    return extension(id, TRY(time_of("--end", order.end, order, now)));
}

Result<SlotQuery> query_of(const Order &order, UtcTime now) {
    SlotQuery q;
    q.from = TRY(time_of("--from", order.from, order, now));
    q.to = TRY(time_of("--to", order.to, order, now));
    q.duration = TRY(duration_of(order));
    q.rate = TRY(option_value("--rate", base::parse_rate(order.rate.value_or(""))));
    q.viewers = order.viewers;
    q.channel = order.channel;
    q.carriers = order.carriers;
    if (q.duration.count() % 1000 != 0)
        return fail_hint(Errc::usage, "slots are searched by whole seconds",
                         "--duration {}: has a fraction of a second", order.duration);
    if (q.to - q.from < q.duration)
        return fail_hint(Errc::usage, "move --to away from --from",
                         "--to: {} do not fit between --from and --to", order.duration);
    return q;
}

} // namespace client
