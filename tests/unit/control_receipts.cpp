// Receipts of relays: verified, kept once, shown to who booked.
#include "control_fixture.hpp"
#include "wire/receipt.hpp"

using base::Seconds;
using control_test::Actor;
using control_test::Fixture;
using control_test::Got;
using std::chrono::hours;

namespace {

struct Receipts : Fixture {
    std::string id;
    Receipts() {
        id = book(alice, wish()).id();
        clock.advance(hours{1});
        report("first_media", id);
        clock.advance(hours{1} + Seconds{6});
    }
    [[nodiscard]] wire::Receipt receipt() const {
        return {.reservation = base::Id::parse(id).value(),
                .relay = "r1",
                .admitted = now() - hours{1},
                .first_media = now() - hours{1} + Seconds{1},
                .ended = now(),
                .gaps = 2,
                .bytes_in = 1'000'000,
                .bytes_out = 5'000'000,
                .payloads_lost = 3,
                .peak_viewers = 7};
    }
    Got give(const wire::Json &receipt) {
        return post(relay, "/v1/relays/r1/reports",
                    wire::JsonObject{{"reports", wire::JsonArray{}},
                                     {"receipts", wire::JsonArray{receipt}}});
    }
    Got give(const wire::Receipt &receipt, const Actor &signer) {
        return give(wire::to_json(wire::sign(receipt, signer.key)));
    }
    Got show(const Actor &who) { return get(who, "/v1/reservations/" + id); }
    std::size_t links() {
        return get(alice, "/v1/reservations/" + id + "/history")
            .body.at("history")
            .as_array()
            .size();
    }
    bool has_receipt() { return show(alice).reservation().as_object().contains("receipt"); }
};

} // namespace

TEST_CASE("control: a receipt is kept, shown to the owner and an operator, and in the history") {
    Receipts f;
    CHECK_FALSE(f.has_receipt());
    const std::string tag = f.show(f.alice).header("ETag");
    const auto before = f.links();
    const auto signed_one = wire::sign(f.receipt(), f.relay.key);
    CHECK(f.give(wire::to_json(signed_one)).status == 200);
    const auto shown = read(f.show(f.alice));
    REQUIRE(shown.receipt);
    CHECK(*shown.receipt == signed_one);
    CHECK(wire::is_signed_by(*shown.receipt, f.relay.key.public_key()));
    CHECK(read(f.show(f.boss)).receipt == signed_one);
    CHECK(f.show(f.bob).code() == "not_found");
    CHECK(f.show(f.alice).header("ETag") != tag);
    REQUIRE(f.links() == before + 1);
    const auto history = f.get(f.alice, "/v1/reservations/" + f.id + "/history");
    const auto &link = history.body.at("history").as_array().back();
    CHECK(link.at("verb").as_string() == "receipt");
    CHECK(link.at("actor").at("name").as_string() == "r1");
    CHECK(link.at("changes").at("receipt").at("bytes_in").as_int64() == 1'000'000);
    // It drains and ends as without.
    f.sweep();
    CHECK(f.show(f.alice).state() == "ended");
    CHECK(f.has_receipt());
}

TEST_CASE("control: the same receipt again, and an older one, change nothing") {
    Receipts f;
    CHECK(f.give(f.receipt(), f.relay).status == 200);
    const auto links = f.links();
    const std::string tag = f.show(f.alice).header("ETag");
    CHECK(f.give(f.receipt(), f.relay).status == 200); // under another idempotency key
    auto older = f.receipt();
    older.ended -= Seconds{1};
    CHECK(f.give(older, f.relay).status == 200);
    CHECK(f.links() == links);
    CHECK(f.show(f.alice).header("ETag") == tag);
    CHECK(read(f.show(f.alice)).receipt->receipt == f.receipt());
}

TEST_CASE("control: a later end has a receipt of its own; other figures for one end are refused") {
    Receipts f;
    CHECK(f.give(f.receipt(), f.relay).status == 200);
    auto other = f.receipt();
    ++other.bytes_in;
    CHECK(f.give(other, f.relay).code() == "receipt_differs");
    other.ended += Seconds{60};
    CHECK(f.give(other, f.relay).status == 200);
    CHECK(read(f.show(f.alice)).receipt->receipt == other);
}

TEST_CASE("control: a receipt of another's reservation, and one of none, are refused") {
    Receipts f;
    auto wish = f.wish();
    wish.channel = "far"; // of relay r2
    wish.rate = {1'000'000};
    auto foreign = f.receipt();
    foreign.reservation = base::Id::parse(f.book(f.alice, wish).id()).value();
    CHECK(f.give(foreign, f.relay).code() == "not_found");
    foreign.reservation = base::Id::parse("00000000000000000000000000").value();
    CHECK(f.give(foreign, f.relay).code() == "not_found");
    // Who is no relay has no reports at all.
    auto r = f.request("POST", "/v1/relays/r1/reports", R"({"reports":[]})");
    f.sign(r, f.alice);
    CHECK(f.send(r).status / 100 == 4);
}

TEST_CASE("control: a receipt that another signed, or that was changed since, is refused") {
    Receipts f;
    CHECK(f.give(f.receipt(), f.alice).code() == "bad_receipt");
    CHECK(f.give(f.receipt(), Actor{.name = "r1"}).code() == "bad_receipt");
    auto named_otherwise = f.receipt();
    named_otherwise.relay = "r2";
    CHECK(f.give(named_otherwise, f.relay).code() == "bad_receipt");
    const auto good = wire::to_json(wire::sign(f.receipt(), f.relay.key)).as_object();
    for (const auto &[key, value] : good) {
        auto tampered = good;
        if (key == "type" || key == "v" || key == "reservation" || key == "relay")
            continue; // these are above
        if (value.is_int64())
            tampered[key] = value.as_int64() + 1;
        else if (key == "signer")
            tampered[key] = f.alice.key.id().text();
        else if (key == "signature")
            tampered[key] = seal::to_base64url(seal::Signature{});
        else
            tampered[key] = base::format_rfc3339(f.now() - Seconds{30});
        INFO(key);
        CHECK(f.give(tampered).status / 100 == 4);
    }
    CHECK_FALSE(f.has_receipt());
    // One bad one keeps the good ones of its request out: relays send each by itself.
    CHECK(f.links() == 2);
}

TEST_CASE("control: what is no receipt is refused as malformed") {
    Receipts f;
    const auto good = wire::to_json(wire::sign(f.receipt(), f.relay.key)).as_object();
    for (const auto &[key, value] : good) {
        auto without = good;
        without.erase(key);
        INFO(key);
        CHECK(f.give(without).status / 100 == 4);
    }
    auto with_more = good;
    with_more["comment"] = "x";
    CHECK(f.give(with_more).code() == "invalid_request");
    auto backwards = f.receipt();
    backwards.ended = backwards.admitted - Seconds{1};
    CHECK(f.give(backwards, f.relay).code() == "invalid_request");
    auto negative = good;
    negative["gaps"] = -1;
    CHECK(f.give(negative).code() == "invalid_request");
    CHECK_FALSE(f.has_receipt());
}
