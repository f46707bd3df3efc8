// Who is told what, when it is tried again, and when it is given up.
#include "control/courier.hpp"
#include "control_fixture.hpp"

#include <algorithm>
#include <thread>

namespace {

using namespace control_test;
using base::Millis;
using control::Courier;
using control::Messenger;
using ledger::Notice;

const std::string k_notify = std::string(k_config) + R"(
[notify]
keep_trying = "1h"
[notify.mail]
server = "127.0.0.1:25"
from = "slotcast@example.org"
[notify.webhooks]
)";

std::vector<Notice> outbox(ledger::Ledger &l) {
    std::vector<Notice> out;
    // Claiming tells all of them, one after the other of each target; the error undoes it.
    (void)l.write([&](ledger::Transaction &t) -> base::Result<void> {
        for (;;) {
            const auto some = TRY(t.claim_notices(base::from_unix_ms(9'000'000'000'000),
                                                  base::from_unix_ms(9'000'000'000'001), 100));
            if (some.empty())
                return base::fail(base::Errc::refused, "undo");
            for (const Notice &n : some) {
                out.push_back(n);
                TRY(t.forget_notice(n.id));
            }
        }
    });
    std::ranges::sort(out, {}, [](const Notice &n) { return std::pair{n.revision, n.target}; });
    return out;
}

std::vector<std::string> events(ledger::Ledger &l) {
    std::vector<std::string> out;
    for (const Notice &n : outbox(l))
        out.push_back(n.event.substr(n.event.find('.') + 1));
    return out;
}

// Says what it is told to, and remembers whom it told.
struct FakeMessenger final : Messenger {
    base::Result<void> tell(const Notice &notice, base::UtcTime,
                            const std::atomic<bool> &) override {
        const std::scoped_lock lock{mutex};
        told.push_back(notice);
        if (answer == base::Errc{})
            return {};
        return base::fail(answer, "on purpose");
    }
    std::size_t count() {
        const std::scoped_lock lock{mutex};
        return told.size();
    }
    void say(base::Errc code) {
        const std::scoped_lock lock{mutex};
        answer = code;
    }
    std::mutex mutex;
    std::vector<Notice> told;
    base::Errc answer{};
};

template <typename Condition> void wait_until(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
        REQUIRE(std::chrono::steady_clock::now() < until);
        std::this_thread::sleep_for(Millis{5});
    }
}

} // namespace

TEST_CASE("control: those whom a booking names are told of what becomes of it, nobody else") {
    using Events = std::vector<std::string>;
    Fixture f{k_notify};
    auto wish = f.wish();
    wish.notify = {"mailto:ops@example.org"};
    const Got booked = f.book(f.alice, wish);
    REQUIRE(booked.status == 201);
    CHECK(events(*f.ledger) == Events{"booked"});
    wish.channel = "two";
    wish.notify.clear();
    REQUIRE(f.book(f.alice, wish).status == 201);
    CHECK(events(*f.ledger) == Events{"booked"});

    f.act(f.alice, booked.id(), "settings", wire::JsonObject{{"new_generation", true}});
    const auto later = base::format_rfc3339(f.now() + std::chrono::minutes{150});
    REQUIRE(f.act(f.alice, booked.id(), "extend", wire::JsonObject{{"end", later}}).status == 200);
    REQUIRE(f.act(f.alice, booked.id(), "extend", wire::JsonObject{{"end", later}}).status == 200);
    CHECK(events(*f.ledger) == Events{"booked", "changed"});
    f.clock.advance(std::chrono::hours{1});
    REQUIRE(f.report("first_media", booked.id()).status == 200);
    REQUIRE(f.report("first_media", booked.id()).status == 200);
    f.clock.advance(Millis{60'000});
    REQUIRE(f.act(f.alice, booked.id(), "end").status == 200);
    f.clock.advance(Millis{60'000});
    f.sweep();
    CHECK(events(*f.ledger) == Events{"booked", "changed", "started", "changed"});

    const auto all = outbox(*f.ledger);
    CHECK(all.front().target == "mailto:ops@example.org");
    const auto told = wire::parse_json(all.front().body, "body").value();
    CHECK(told.at("id") == booked.reservation().at("id"));
    CHECK(told.at("viewer_url") == booked.reservation().at("viewer_url"));
    // Others are told no more than this.
    CHECK(told.as_object().size() == 7);
    const auto last = wire::parse_json(all.back().body, "body").value();
    CHECK(last.at("state") == "ended");
    CHECK(last.at("end") != told.at("end"));
}

TEST_CASE("control: a hold is told of when it is committed; a booking given up, once") {
    using Events = std::vector<std::string>;
    Fixture f{k_notify};
    auto wish = f.wish();
    wish.notify = {"https://example.org/hook", "mailto:ops@example.org"};
    wish.hold = true;
    const auto first = f.book(f.alice, wish).id();
    f.act(f.alice, first, "cancel");
    CHECK(events(*f.ledger).empty());
    const auto second = f.book(f.alice, wish).id();
    const auto later = base::format_rfc3339(f.now() + std::chrono::minutes{150});
    REQUIRE(f.act(f.alice, second, "extend", wire::JsonObject{{"end", later}}).status == 200);
    CHECK(events(*f.ledger).empty());
    REQUIRE(f.act(f.alice, second, "commit").status == 200);
    REQUIRE(f.act(f.alice, second, "cancel").status == 200);
    REQUIRE(f.act(f.alice, second, "cancel").status == 200);
    CHECK(events(*f.ledger) == Events{"booked", "booked", "cancelled", "cancelled"});
    const auto third = f.book(f.alice,
                              [&] {
                                  auto other = wish;
                                  other.hold = false;
                                  other.notify = {"mailto:ops@example.org"};
                                  return other;
                              }())
                           .id();
    REQUIRE(f.act(f.boss, third, "revoke").status == 200);
    CHECK(events(*f.ledger) ==
          Events{"booked", "cancelled", "booked", "booked", "cancelled", "cancelled"});
    // A refusal tells nobody.
    wish.hold = false;
    REQUIRE(f.book(f.alice, wish).status == 201);
    REQUIRE(f.book(f.bob, wish).status == 409);
    CHECK(events(*f.ledger).size() == 8);
}

TEST_CASE("control: what this control cannot reach is refused before anything is booked") {
    const std::string only_mail = k_notify.substr(0, k_notify.find("[notify.webhooks]"));
    Fixture f{only_mail};
    auto wish = f.wish();
    wish.notify = {"mailto:ops@example.org", "https://example.org/secret"};
    const Got no = f.book(f.alice, wish);
    CHECK(no.status == 422);
    CHECK(no.code() == "no_notifications");
    CHECK(no.text.find("secret") == std::string::npos);
    wish.notify = {"mailto:ops@example.org\r\nBcc: x@example.org"};
    CHECK(f.book(f.alice, wish).code() == "invalid_request");
    CHECK(f.get(f.alice, "/v1/reservations").body.at("reservations").as_array().empty());
    CHECK(outbox(*f.ledger).empty());
}

TEST_CASE("control: the pause between attempts doubles up to an hour, and is never the same") {
    CHECK(control::retry_pause(1, 0) == Millis{2'500});
    CHECK(control::retry_pause(1, 1) == Millis{5'000});
    CHECK(control::retry_pause(4, 1) == Millis{40'000});
    CHECK(control::retry_pause(11, 1) == Millis{3'600'000});
    CHECK(control::retry_pause(1'000'000'000, 0.5) == Millis{2'700'000});
    CHECK(control::retry_pause(0, 1) == Millis{5'000});
}

TEST_CASE(
    "control: a notice is tried until it is told, with the same id; couriers share the work") {
    Fixture f{k_notify};
    FakeMessenger messenger;
    messenger.say(base::Errc::unavailable);
    auto wish = f.wish();
    wish.notify = {"mailto:ops@example.org"};
    REQUIRE(f.book(f.alice, wish).status == 201);
    base::log::setup("unit", static_cast<base::log::Level>(-1));
    {
        const Courier one{*f.ledger, messenger, f.config, f.clock};
        const Courier two{*f.ledger, messenger, f.config, f.clock};
        wait_until([&] { return messenger.count() == 1; });
        wait_until([&] { return outbox(*f.ledger).front().due > f.now(); });
        messenger.say(base::Errc{});
        f.clock.advance(Millis{5'000});
        wait_until([&] { return outbox(*f.ledger).empty(); });
    }
    REQUIRE(messenger.told.size() == 2);
    CHECK(messenger.told[0].id == messenger.told[1].id);
    CHECK(messenger.told[1].attempts == 2);
}

TEST_CASE("control: what will never work, or did not for too long, is given up") {
    for (const bool hopeless : {true, false}) {
        CAPTURE(hopeless);
        Fixture f{k_notify};
        FakeMessenger messenger;
        messenger.say(hopeless ? base::Errc::refused : base::Errc::unavailable);
        auto wish = f.wish();
        wish.notify = {"mailto:ops@example.org"};
        REQUIRE(f.book(f.alice, wish).status == 201);
        if (!hopeless)
            f.clock.advance(std::chrono::minutes{60} - Millis{1'000});
        base::log::setup("unit", static_cast<base::log::Level>(-1));
        const Courier courier{*f.ledger, messenger, f.config, f.clock};
        wait_until([&] { return outbox(*f.ledger).empty(); });
        CHECK(messenger.count() == 1);
    }
}

TEST_CASE("control: header fields hold ASCII alone, whatever the title") {
    CHECK(control::header_text("Town hall is booked") == "Town hall is booked");
    CHECK(control::header_text("Bürgerversammlung") == "=?utf-8?B?QsO8cmdlcnZlcnNhbW1sdW5n?=");
    CHECK(control::header_text("=?x") == "=?utf-8?B?PT94?=");
    std::string much;
    for (int i = 0; i < 60; ++i)
        much += "€";
    const std::string words = control::header_text(much);
    CHECK(std::ranges::all_of(words, [](char c) { return c >= ' ' && c <= '~'; }));
    for (std::size_t at = 0; at != std::string::npos;) {
        const std::size_t next = words.find(' ', at);
        CHECK(std::min(next, words.size()) - at <= 75);
        at = next == std::string::npos ? next : next + 1;
    }
}

TEST_CASE("control: webhooks have a key of their own, which control tells") {
    Fixture f{k_notify};
    const Got got = f.send(f.request("GET", "/v1/webhooks"));
    CHECK(got.field("public_key") == control::webhook_key_text(f.keys));
    CHECK(control::webhook_key(f.keys).public_key() != f.keys.signing.public_key());
}

TEST_CASE("control: [notify] is read strictly and printed as it reads") {
    const auto read = [](const std::string &more) {
        return control::read_control(*conf::Table::parse(std::string(k_config) + more, "t"));
    };
    const auto full =
        read("[notify]\nkeep_trying = \"2h\"\n[notify.mail]\nserver = "
             "\"[2001:db8::1]:465\"\ntls = \"tls\"\nfrom = \"a@example.org\"\nuser = "
             "\"a\"\npassword_file = \"/p\"\ncacert = \"/c\"\n[notify.webhooks]\nallow "
             "= [\"10.0.0.0/8\", \"::1\"]\n");
    REQUIRE_MESSAGE(full, full.error().message);
    CHECK(full->notify.mail->host == "2001:db8::1");
    CHECK(full->notify.mail->port == 465);
    const std::string printed = control::print_control(*full);
    const auto again = control::read_control(*conf::Table::parse(printed, "t"));
    REQUIRE_MESSAGE(again, again.error().message);
    CHECK(control::print_control(*again) == printed);
    const auto none = read("");
    REQUIRE(none);
    CHECK_FALSE(none->notify.mail);
    CHECK_FALSE(none->notify.webhooks);
    const std::string mail = "[notify.mail]\nserver = \"m:25\"\nfrom = \"a@example.org\"\n";
    REQUIRE(read(mail));
    for (const std::string &bad :
         {std::string("[notify.mail]\nfrom = \"a@example.org\"\n"), mail + "tls = \"ssl\"\n",
          mail + "user = \"a\"\n", mail + "password_file = \"/p\"\n",
          mail + "tls = \"none\"\nuser = \"a\"\npassword_file = \"/p\"\n",
          mail + "password = \"x\"\n",
          std::string("[notify.mail]\nserver = \"m\"\nfrom = \"a@example.org\"\n"),
          std::string("[notify.mail]\nserver = \"m:0\"\nfrom = \"a@example.org\"\n"),
          std::string("[notify.mail]\nserver = \"m:25/x\"\nfrom = \"a@example.org\"\n"),
          std::string("[notify.mail]\nserver = \"m:25\"\nfrom = \"A <a@example.org>\"\n"),
          std::string("[notify.webhooks]\nallow = [\"10.0.0.1/8\"]\n"),
          std::string("[notify.webhooks]\nallow = \"10.0.0.0/8\"\n"),
          std::string("[notify]\nx = 1\n")}) {
        CAPTURE(bad);
        const auto refused = read(bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message.find("notify") != std::string::npos);
    }
}
