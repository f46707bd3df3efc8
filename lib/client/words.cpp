#include "client/words.hpp"

#include "cli/time_arg.hpp"
#include "cli/tool.hpp"
#include "client/enrol.hpp"
#include "seal/password.hpp"

namespace client {

using base::Errc;
using base::fail_hint;
using base::Result;
using base::UtcTime;
using cli::option_value;

namespace {

Result<std::vector<std::string>> carriers_of(const Words &w, const conf::TerminalConfig &config) {
    if (!w.carriers.empty())
        return w.carriers;
    if (config.preset.empty())
        return fail_hint(Errc::usage, "give --carrier NAME, or preset = \"NAME\" in terminal.toml",
                         "no carrier is named");
    return std::vector{config.preset};
}

Result<UtcTime> end_of(const Words &w, UtcTime start, UtcTime now) {
    if (w.end.empty() == w.duration.empty())
        return fail_hint(Errc::usage, "give one of them", "--duration or --end is needed");
    if (!w.duration.empty())
        return start + TRY(option_value("--duration", base::parse_duration(w.duration)));
    const UtcTime end = TRY(read_time(w, "--end", w.end, now));
    if (end <= start)
        return fail_hint(Errc::usage, "the end comes after the start; past midnight give its date",
                         "--end {}: is not after --start {}", base::format_rfc3339(end),
                         base::format_rfc3339(start));
    return end;
}

Result<std::optional<std::string>> password_of(const Words &w) {
    if ((w.disclosure == "password") != !w.password_file.empty())
        return fail_hint(Errc::usage, "give both, or none",
                         "--disclosure password and --password-file go together");
    if (w.password_file.empty())
        return std::optional<std::string>{};
    return std::optional{TRY(read_secret_line(w.password_file, "password"))};
}

// An offer holds the whole request but whether to hold it.
Result<Change> take_offer(const Words &w) {
    bool more =
        w.start || w.rate || w.viewers || w.channel || !w.carriers.empty() || !w.notify.empty();
    for (const std::string *text : {&w.end, &w.duration, &w.title, &w.disclosure, &w.password_file})
        more = more || !text->empty();
    if (more)
        return fail_hint(Errc::usage, "only --hold goes with it",
                         "--offer: it holds the whole request already");
    return offer_taken(*w.offer, w.hold);
}

} // namespace

Result<UtcTime> read_time(const Words &w, std::string_view option, const std::string &text,
                          UtcTime now) {
    const UtcTime t = TRY(option_value(option, cli::parse_time(text, w.zone, now)));
    return cli::not_past(t, now, option);
}

Result<Change> read_booking(const Words &w, const conf::TerminalConfig &config, UtcTime now) {
    if (w.offer)
        return take_offer(w);
    if (!w.start || !w.rate)
        return fail_hint(Errc::usage, "give both, or --offer", "--start and --rate are needed");
    const UtcTime start = TRY(read_time(w, "--start", *w.start, now));
    const std::string disclosure = w.disclosure.empty() ? "public" : w.disclosure;
    wire::ReservationRequest r{
        .start = start,
        .end = TRY(end_of(w, start, now)),
        .rate = TRY(option_value("--rate", base::parse_rate(*w.rate))),
        .title = w.title,
        .viewers = w.viewers,
        .channel = w.channel,
        .carriers = TRY(carriers_of(w, config)),
        .disclosure = TRY(option_value("--disclosure", resv::parse_disclosure(disclosure))),
        .password_hash = {},
        .notify = w.notify,
        .hold = w.hold};
    std::optional<std::string> password = TRY(password_of(w));
    if (password)
        r.password_hash = TRY(option_value("--password-file", seal::hash_password(*password)));
    // What control would refuse as malformed is refused here, before anything is sent.
    TRY(option_value("book", wire::read_request(wire::to_json(r), "request")));
    return booking(r, std::move(password));
}

Result<SlotQuery> read_slot_query(const Words &w, const conf::TerminalConfig &config, UtcTime now) {
    SlotQuery q;
    q.from = TRY(read_time(w, "--from", w.from, now));
    q.to = TRY(read_time(w, "--to", w.to, now));
    q.duration = TRY(option_value("--duration", base::parse_duration(w.duration)));
    q.rate = TRY(option_value("--rate", base::parse_rate(w.rate.value_or(""))));
    q.viewers = w.viewers;
    q.channel = w.channel;
    if (q.duration.count() % 1000 != 0)
        return fail_hint(Errc::usage, "slots are searched by whole seconds",
                         "--duration {}: has a fraction of a second", w.duration);
    if (q.to - q.from < q.duration)
        return fail_hint(Errc::usage, "move --to away from --from",
                         "--to: {} do not fit between --from and --to", w.duration);
    q.carriers = TRY(carriers_of(w, config));
    return q;
}

} // namespace client
