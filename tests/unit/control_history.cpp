// The history of a reservation: what it says, who may read it, and that nobody can edit it unseen.
#include "control/transact.hpp"
#include "control_fixture.hpp"
#include "ledger/sqlite.hpp"
#include "ledger/sqlite_db.hpp"
#include "seal/password.hpp"

#include <cstdlib>

using control_test::Fixture;
using control_test::Got;
using std::chrono::hours;
using std::chrono::minutes;
using wire::JsonObject;

namespace {

const wire::JsonArray &history(const Got &got) {
    REQUIRE(got.status == 200);
    return got.body.at("history").as_array();
}

std::string text(const wire::Json &entry, std::string_view key) {
    return std::string(entry.at(key).as_string());
}

// All histories of a ledger, checked.
base::Result<std::int64_t> check_all(ledger::Ledger &ledger) {
    std::int64_t entries = 0;
    TRY(ledger.read([&](ledger::Transaction &t) -> base::Result<void> {
        control::HistoryCheck check{TRY(t.bookings(""))};
        TRY(t.each_history([&](const auto &entry) { return check.add(entry); }));
        TRY(check.end());
        entries = check.entries();
        return {};
    }));
    return entries;
}

// A SQLite ledger with the histories of three reservations, four entries each.
struct OnDisk {
    std::string folder = (std::filesystem::temp_directory_path() / "history.XXXXXX").native();
    std::string file;
    std::vector<base::Id> ids;

    OnDisk() {
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        file = folder + "/l";
        REQUIRE(ledger::create_sqlite_ledger(file));
        const auto ledger = ledger::open_sqlite_ledger(file, ledger::Verify::no).value();
        const auto config =
            control::read_control(*conf::Table::parse(control_test::k_config, "t")).value();
        const control::Desk desk{config};
        const auto now = base::from_unix_ms(1'790'000'000'000);
        using Booked = control::Outcome<ledger::Booking>;
        for (int i = 0; i < 3; ++i) {
            const auto done = control::transact(*ledger, [&](ledger::Transaction &t) -> Booked {
                wire::ReservationRequest r;
                r.start = now + hours{1 + 3 * i};
                r.end = r.start + hours{1};
                r.rate = {1'000'000};
                r.channel = "one";
                r.carriers = {"a"};
                r.hold = true;
                auto b = TRY(desk.book(t, "alice", r, now + minutes{i}));
                b = TRY(desk.commit(t, b, now + minutes{i}));
                b = TRY(desk.extend(t, b, r.end + hours{1}, now + minutes{i}));
                return desk.cancel(t, b, now + minutes{i});
            });
            REQUIRE(done);
            ids.push_back(done->id);
        }
    }
    OnDisk(const OnDisk &) = delete;
    OnDisk &operator=(const OnDisk &) = delete;
    ~OnDisk() { std::filesystem::remove_all(folder); }

    void run(const std::string &sql) const {
        auto db = ledger::Database::open(file, ledger::Database::Mode::existing).value();
        REQUIRE(db.execute(sql.c_str()));
    }
    [[nodiscard]] base::Result<std::int64_t> check() const {
        return check_all(*ledger::open_sqlite_ledger(file, ledger::Verify::no).value());
    }
    // The blob of reservation `i`, for SQL.
    [[nodiscard]] std::string id(std::size_t i) const {
        return "x'" + seal::to_hex(seal::ByteView{ids[i].bytes}) + "'";
    }
};

} // namespace

TEST_CASE("control: a history says what was done, when, by whom and what was otherwise then") {
    Fixture f;
    auto wish = f.wish();
    wish.hold = true;
    const std::string id = f.book(f.alice, wish).id();
    f.clock.advance(minutes{1});
    f.act(f.alice, id, "commit");
    f.patch(f.boss, id, {{"title", "Other"}, {"rate_bps", 5'000'000}});
    f.act(f.alice, id, "extend", {{"end", base::format_rfc3339(wish.end + minutes{5})}});
    f.act(f.alice, id, "settings", {{"new_generation", true}});
    f.act(f.alice, id, "settings"); // changes nothing that others see
    f.patch(f.alice, id, {{"rate_bps", 99'000'000}});
    f.clock.advance(hours{1});
    f.report("first_media", id);
    f.act(f.boss, id, "end");
    const Got got = f.get(f.alice, "/v1/reservations/" + id + "/history");
    std::vector<std::string> verbs;
    std::vector<std::string> actors;
    for (const auto &entry : history(got)) {
        verbs.push_back(text(entry, "verb"));
        actors.push_back(text(entry.at("actor"), "name"));
    }
    CHECK(verbs == std::vector<std::string>{"hold", "commit", "change", "extend", "new_generation",
                                            "activate", "end"});
    CHECK(actors ==
          std::vector<std::string>{"alice", "alice", "boss", "alice", "alice", "r1", "boss"});
    const auto &first = history(got).at(0);
    CHECK(text(first, "reservation") == id);
    CHECK(text(first, "previous") == std::string(64, '0'));
    CHECK(text(first.at("actor"), "key") == f.alice.key.id().text());
    CHECK(text(first.at("actor"), "role") == "distributor");
    CHECK(text(first.at("changes"), "title") == "Town hall");
    CHECK(text(first.at("changes"), "state") == "held");
    CHECK(history(got).at(1).at("changes") ==
          wire::Json(JsonObject{{"state", "booked"}, {"hold_expires", nullptr}}));
    CHECK(history(got).at(2).at("changes") ==
          wire::Json(JsonObject{{"rate_bps", 5'000'000}, {"title", "Other"}, {"generation", 2}}));
    CHECK(text(history(got).at(2).at("actor"), "role") == "operator");
    CHECK(text(history(got).at(1), "at") == base::format_rfc3339(f.now() - hours{1}));
    for (std::size_t i = 1; i < verbs.size(); ++i) {
        CHECK(text(history(got).at(i), "previous") == text(history(got).at(i - 1), "hash"));
        CHECK(history(got).at(i).at("sequence").as_int64() == static_cast<std::int64_t>(i + 1));
    }
    CHECK(check_all(*f.ledger) == 7);
    CHECK(f.get(f.boss, "/v1/reservations/" + id + "/history").text == got.text);
    CHECK(f.get(f.bob, "/v1/reservations/" + id + "/history").code() == "not_found");
    CHECK(f.get(f.relay, "/v1/reservations/" + id + "/history").code() == "wrong_role");
}

TEST_CASE("control: what time does to a reservation is control's own doing in its history") {
    Fixture f;
    auto wish = f.wish();
    wish.hold = true;
    const std::string id = f.book(f.alice, wish).id();
    f.clock.advance(minutes{6});
    f.sweep();
    const Got got = f.get(f.alice, "/v1/reservations/" + id + "/history");
    REQUIRE(history(got).size() == 2);
    CHECK(text(history(got).at(1), "verb") == "expired");
    CHECK(text(history(got).at(1).at("actor"), "role") == "control");
    CHECK_FALSE(history(got).at(1).at("actor").as_object().contains("key"));
}

TEST_CASE("control: a refused change leaves no entry, a password no trace but that it changed") {
    Fixture f;
    auto wish = f.wish();
    const std::string id = f.book(f.alice, wish).id();
    CHECK(f.book(f.bob, wish).status == 409);
    CHECK(f.act(f.alice, id, "end").code() == "wrong_state");
    CHECK(check_all(*f.ledger) == 1);
    const std::string hash = seal::hash_password("sesame").value();
    REQUIRE(f.patch(f.alice, id, {{"disclosure", "password"}, {"password_hash", hash}}).status ==
            200);
    const Got got = f.get(f.alice, "/v1/reservations/" + id + "/history");
    CHECK(history(got).at(1).at("changes").as_object().contains("password"));
    CHECK(got.text.find("argon2") == std::string::npos);
}

TEST_CASE("control: what was written into a history or out of it is found and named") {
    const auto broken = [](const auto &damage, std::string_view named) {
        const OnDisk disk;
        REQUIRE(disk.check() == 12);
        damage(disk);
        const auto found = disk.check();
        REQUIRE_FALSE(found);
        CHECK(found.error().code == base::Errc::bad_data);
        CHECK_MESSAGE(found.error().message.find(disk.ids[1].text()) != std::string::npos,
                      found.error().message);
        CHECK_MESSAGE(found.error().message.ends_with(named), found.error().message);
    };
    const auto sql = [](const std::string &statement) {
        return [statement](const OnDisk &disk) {
            std::string one = statement;
            for (std::size_t at = 0; (at = one.find("ID", at)) != std::string::npos;)
                one.replace(at, 2, disk.id(1));
            disk.run(one);
        };
    };
    broken(sql("UPDATE history SET entry = replace(entry, 'alice', 'mallo') "
               "WHERE reservation = ID AND sequence = 1"),
           "entry 1 is not what its hash is of");
    broken(sql("UPDATE history SET hash = zeroblob(32) WHERE reservation = ID AND sequence = 2"),
           "entry 2 is not what its hash is of");
    broken(sql("DELETE FROM history WHERE reservation = ID AND sequence = 2"),
           "entry 2 is missing");
    broken(sql("DELETE FROM history WHERE reservation = ID AND sequence = 1"),
           "entry 1 is missing");
    broken(sql("DELETE FROM history WHERE reservation = ID AND sequence = 4"),
           "entry 4 is missing");
    broken(sql("DELETE FROM history WHERE reservation = ID"), "entry 1 is missing");
    broken(sql("UPDATE history SET sequence = -2 WHERE reservation = ID AND sequence = 2;"
               "UPDATE history SET sequence = 2 WHERE reservation = ID AND sequence = 3;"
               "UPDATE history SET sequence = 3 WHERE reservation = ID AND sequence = -2"),
           "entry 2 does not follow the one before");
    broken(sql("DELETE FROM reservations WHERE id = ID"), "entry 1 is of no reservation");
    broken(sql("INSERT INTO history SELECT reservation, 5, entry, hash FROM history "
               "WHERE reservation = ID AND sequence = 4"),
           "entry 5 does not follow the one before");
    // The tail and the head that names it, in step: the chain has one entry too many.
    broken(sql("UPDATE reservations SET history = 3 WHERE id = ID"),
           "entry 4 is not the reservation's");
    broken(sql("UPDATE reservations SET history_head = zeroblob(32) WHERE id = ID"),
           "entry 4 is not the one that the reservation names");
    // From another reservation, as it stands there.
    broken(
        [](const OnDisk &disk) {
            disk.run(fmt::format("DELETE FROM history WHERE reservation = {0} AND sequence = 2;"
                                 "INSERT INTO history SELECT {0}, 2, entry, hash FROM history "
                                 "WHERE reservation = {1} AND sequence = 2",
                                 disk.id(1), disk.id(0)));
        },
        "entry 2 does not follow the one before");
}

TEST_CASE("control: who cuts the tail off and mends the reservation is not found, as is written") {
    const OnDisk disk;
    disk.run(fmt::format("UPDATE reservations SET history = 3, history_head = (SELECT hash FROM "
                         "history WHERE reservation = {0} AND sequence = 3) WHERE id = {0};"
                         "DELETE FROM history WHERE reservation = {0} AND sequence = 4",
                         disk.id(1)));
    CHECK(disk.check() == 11);
}
