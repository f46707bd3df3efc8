// What the vault shows, what is next, and when a scheduler starts it.
#include "wire_samples.hpp"

#include "vault/next.hpp"
#include "vault/schedule.hpp"
#include "vault/view.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using base::Errc;
using vault::Scheduler;
using namespace std::chrono_literals;

namespace {

base::UtcTime utc(const char *text) {
    return *base::parse_rfc3339(text);
}

wire::Settings settings() {
    return samples::some_settings(seal::KeyId{}, seal::KeyId{});
}

vault::Summary event(std::uint8_t nth, const char *start, base::Millis length) {
    vault::Summary s;
    s.reservation = samples::some_id(nth);
    s.window = {.start = utc(start), .end = utc(start) + length, .lead_in = 10s, .drain = 10s};
    return s;
}

vault::Job job() {
    return {.carrier_connect = "/usr/bin/carrier-connect",
            .push_stream = "/usr/bin/push-stream",
            .input = "/srv/in.ts",
            .carrier = {},
            .config = {},
            .vault = {}};
}

std::string line(Scheduler scheduler, const vault::Job &what, const char *minute,
                 std::chrono::minutes east = 0min) {
    const auto text = vault::schedule_line(scheduler, what, samples::some_id(), utc(minute),
                                           [east](base::UtcTime) { return east; });
    return text ? *text : "refused: " + text.error().message;
}

const std::string k_id = samples::some_id().text();
const std::string k_command =
    "/usr/bin/carrier-connect exec " + k_id + " -- /usr/bin/push-stream " + k_id + " /srv/in.ts";

} // namespace

TEST_CASE("vault: the next event is the earliest that is not over") {
    const std::vector<vault::Summary> events{event(1, "2026-11-22T10:00:00Z", 1h),
                                             event(2, "2026-11-22T10:30:00Z", 3h),
                                             event(3, "2026-11-22T12:00:00Z", 1h)};
    const auto next = [&](const char *now, std::optional<base::Millis> within = {}) {
        const auto found = vault::next_event(events, utc(now), within);
        return found ? static_cast<int>(found->reservation.bytes[6]) : 0;
    };
    CHECK(next("2026-11-22T09:00:00Z") == 1);
    CHECK(next("2026-11-22T10:59:59.999Z") == 1);
    CHECK(next("2026-11-22T11:00:00Z") == 2);
    CHECK(next("2026-11-22T13:30:00Z") == 0);
    CHECK(next("2026-11-22T09:44:59.999Z", 15min) == 0);
    CHECK(next("2026-11-22T09:45:00Z", 15min) == 1);
    CHECK(next("2026-11-22T12:59:00Z", 1min) == 2);
    CHECK_FALSE(vault::next_event({}, utc("2026-11-22T09:00:00Z"), {}).has_value());
}

TEST_CASE("vault: a job starts in the minute before the window, never in one that cron has read") {
    const resv::Window window = event(1, "2026-11-22T18:00:00Z", 1h).window;
    const auto minute = [&](const char *now, base::Millis lead = 1min) {
        const auto m = vault::start_minute(window, lead, utc(now));
        return m ? base::format_rfc3339(*m) : std::string{"refused"};
    };
    CHECK(minute("2026-11-22T12:00:00Z") == "2026-11-22T17:58:00Z");
    CHECK(minute("2026-11-22T12:00:00Z", 10min) == "2026-11-22T17:49:00Z");
    CHECK(minute("2026-11-22T12:00:00Z", 1ms) == "2026-11-22T17:59:00Z");
    CHECK(minute("2026-11-22T17:58:54.999Z") == "2026-11-22T17:59:00Z");
    CHECK(minute("2026-11-22T17:58:55Z") == "2026-11-22T18:00:00Z");
    CHECK(minute("2026-11-22T18:30:00Z") == "2026-11-22T18:31:00Z");
    CHECK(minute("2026-11-22T18:59:00Z") == "refused");
    CHECK(minute("2026-11-22T20:00:00Z") == "refused");
}

TEST_CASE(
    "vault: a start is a whole minute, early enough for the window and late enough for cron") {
    CHECK(rc::check("minutes", [] {
        const auto now = base::from_unix_ms(*rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000));
        const resv::Window window{.start = now + base::Millis{*rc::gen::inRange(0, 100'000'000)},
                                  .end = now + 48h,
                                  .lead_in = base::Seconds{*rc::gen::inRange(0, 60)},
                                  .drain = 10s};
        const base::Millis lead{*rc::gen::inRange(1, 600'000)};
        const auto minute = vault::start_minute(window, lead, now);
        RC_ASSERT(minute.has_value());
        RC_ASSERT(base::unix_ms(*minute) % 60'000 == 0);
        RC_ASSERT(*minute >= now + 5s);
        RC_ASSERT(*minute <= window.opens() - lead || *minute < now + 66s);
    }));
}

TEST_CASE("vault: scheduler lines are in the scheduler's own clock") {
    CHECK(line(Scheduler::cron, job(), "2026-11-22T17:58:00Z") ==
          "58 17 22 11 * " + k_command + " # slotcast " + k_id);
    CHECK(line(Scheduler::cron, job(), "2026-12-31T23:30:00Z", 60min)
              .starts_with("30 0 1 1 * /usr/bin"));
    CHECK(line(Scheduler::cron, job(), "2026-01-01T02:00:00Z", -210min)
              .starts_with("30 22 31 12 * "));
    CHECK(line(Scheduler::systemd, job(), "2026-12-31T23:30:00Z", 60min)
              .find("--on-calendar='2026-12-31 23:30:00 UTC'") != std::string::npos);
    CHECK(line(Scheduler::at, job(), "2026-12-31T23:30:00Z", 60min) ==
          "printf '%s\\n' '" + k_command + "' | at -t 202701010030");
}

TEST_CASE("vault: scheduler lines quote what a shell or cron would read otherwise") {
    vault::Job what = job();
    what.input = "/a b/50%'; rm -rf $HOME #.ts";
    what.carrier = "lineB";
    what.vault = "/home/u/my vault";
    const std::string text = line(Scheduler::cron, what, "2026-11-22T17:58:00Z");
    CHECK(text.find(R"(exec )" + k_id + " --carrier lineB -- ") != std::string::npos);
    CHECK(text.find(R"(SLOTCAST_VAULT='/home/u/my vault' )") != std::string::npos);
    CHECK(text.find(R"( '/a b/50\%'\''; rm -rf $HOME #.ts' # slotcast)") != std::string::npos);
    what.input = "two\nlines";
    CHECK(line(Scheduler::cron, what, "2026-11-22T17:58:00Z").starts_with("refused"));
    what.input = std::string(1'000, 'x');
    CHECK(line(Scheduler::cron, what, "2026-11-22T17:58:00Z").starts_with("refused"));
    CHECK(vault::parse_scheduler("cron") == Scheduler::cron);
    CHECK(vault::parse_scheduler("CRON").error().code == Errc::usage);
}

TEST_CASE("vault: a publish URL goes to the first relay that the carrier reaches") {
    const auto s = settings();
    CHECK(*vault::publish_url(s, s.carriers[0], vault::Secrets::reveal) ==
          "srt://203.0.113.10:9000?mode=caller&streamid=" + std::string(198, 't') +
              "&passphrase=" + std::string(32, 'x') + "&pbkeylen=16");
    CHECK(*vault::publish_url(s, s.carriers[1], vault::Secrets::hide) ==
          "srt://[2001:db8::20]:9010?mode=caller&streamid=****&passphrase=****&pbkeylen=32");
    auto lost = s;
    lost.carriers[0].ingest.clear();
    CHECK_FALSE(vault::publish_url(lost, lost.carriers[0], vault::Secrets::hide).has_value());
}

TEST_CASE("vault: the carrier is the one named, the preset one, or the first by preference") {
    auto s = settings();
    CHECK((*vault::choose_carrier(s, "line-b", "line-a"))->name == "line-b");
    CHECK((*vault::choose_carrier(s, "", "line-b"))->name == "line-b");
    CHECK((*vault::choose_carrier(s, "", "elsewhere"))->name == "line-a");
    s.carriers[0].preference = 5;
    CHECK((*vault::choose_carrier(s, "", ""))->name == "line-b");
    CHECK(vault::choose_carrier(s, "elsewhere", "line-b").error().code == Errc::refused);
}

TEST_CASE("vault: records and shell lines hold no secret") {
    auto s = settings();
    s.request.disclosure = resv::Disclosure::password;
    s.request.password_hash = "$argon2id$hash";
    const std::string all =
        wire::compact_json(vault::document_record(s)) + *vault::shell_lines(s, s.carriers[0]);
    for (const std::string &secret :
         {s.stream.ticket, *s.stream.preflight_ticket, s.relays[0].passphrase,
          s.relays[1].passphrase, s.carriers[0].probe->key, *s.request.password_hash})
        CHECK(all.find(secret) == std::string::npos);
    CHECK(all.find("RESV_RELAY_HOST='203.0.113.10'\n") != std::string::npos);
    CHECK(vault::shell_word("it's") == R"('it'\''s')");
    CHECK(vault::shell_word("") == "''");
}
