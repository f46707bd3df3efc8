#include "seal/ticket.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <rapidcheck.h>

using base::Errc;
using seal::SigningKey;
using seal::Ticket;

namespace {

Ticket some_ticket() {
    Ticket t;
    t.mode = seal::TicketMode::publish;
    t.flags = 0x0102;
    std::ranges::fill(t.ticket_id, std::uint8_t{7});
    t.reservation = base::Id::make(base::from_unix_ms(1'764'000'000'000), {1, 2, 3});
    t.channel = seal::short_hash("studio1");
    t.not_before = base::from_unix_ms(1'764'000'000'000);
    t.expiry = base::from_unix_ms(1'764'003'600'000);
    t.max_kbps = 6'600;
    t.generation = 3;
    t.audience = seal::short_hash("r1");
    return t;
}

} // namespace

TEST_CASE("seal: a ticket survives its text") {
    const auto key = SigningKey::generate();
    CHECK(rc::check("round trip", [&key](std::uint16_t flags, std::uint32_t kbps,
                                         std::uint32_t generation,
                                         const std::array<std::uint8_t, 16> &id) {
        Ticket t = some_ticket();
        t.mode = *rc::gen::element(seal::TicketMode::publish, seal::TicketMode::play,
                                   seal::TicketMode::preflight);
        t.flags = flags;
        t.max_kbps = kbps;
        t.generation = generation;
        t.ticket_id = id;
        const std::string text = seal::issue_ticket(t, key);
        RC_ASSERT(text.size() == seal::k_ticket_text);
        const auto back = seal::open_ticket(text, key.public_key());
        RC_ASSERT(back.has_value());
        t.issuer = key.id();
        RC_ASSERT(*back == t);
    }));
}

TEST_CASE("seal: the bytes of a ticket are those of the manual") {
    const auto key = SigningKey::generate();
    const auto bytes = *seal::from_base64url(seal::issue_ticket(some_ticket(), key));
    REQUIRE(bytes.size() == seal::k_ticket_bytes);
    const auto at = [&bytes](std::size_t from, std::size_t n) {
        return seal::to_hex({bytes.data() + from, n});
    };
    CHECK(at(0, 1) == "01");
    CHECK(at(1, 1) == "01");
    CHECK(at(2, 2) == "0102");
    CHECK(at(4, 8) == key.id().text());
    CHECK(at(12, 16) == "07070707070707070707070707070707");
    CHECK(at(28, 16) == seal::to_hex(some_ticket().reservation.bytes));
    CHECK(at(44, 8) == seal::to_hex(seal::short_hash("studio1")));
    CHECK(at(52, 8) == "0000019ab697e800");
    CHECK(at(60, 8) == "0000019ab6ced680");
    CHECK(at(68, 4) == "000019c8");
    CHECK(at(72, 4) == "00000003");
    CHECK(at(76, 8) == seal::to_hex(seal::short_hash("r1")));
}

TEST_CASE("seal: every flipped bit of a ticket is refused") {
    const auto key = SigningKey::generate();
    const seal::Bytes whole = *seal::from_base64url(seal::issue_ticket(some_ticket(), key));
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        seal::Bytes flipped = whole;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        CAPTURE(bit);
        CHECK_FALSE(seal::open_ticket(seal::to_base64url(flipped), key.public_key()).has_value());
    }
}

TEST_CASE("seal: every changed character of a ticket is refused") {
    const auto key = SigningKey::generate();
    const std::string whole = seal::issue_ticket(some_ticket(), key);
    for (std::size_t i = 0; i < whole.size(); ++i) {
        for (const char c : {'A', 'B', '-', '_', '=', '.', '\0'}) {
            std::string changed = whole;
            changed[i] = c;
            if (changed != whole)
                CHECK_FALSE(seal::open_ticket(changed, key.public_key()).has_value());
        }
    }
    CHECK_FALSE(seal::open_ticket("", key.public_key()).has_value());
    CHECK_FALSE(seal::open_ticket(whole + "A", key.public_key()).has_value());
    CHECK_FALSE(seal::open_ticket(whole.substr(1), key.public_key()).has_value());
}

TEST_CASE("seal: a ticket of another control is not permitted") {
    const auto key = SigningKey::generate();
    const auto other = SigningKey::generate();
    const auto opened =
        seal::open_ticket(seal::issue_ticket(some_ticket(), key), other.public_key());
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == Errc::not_permitted);
}

TEST_CASE("seal: a signed ticket that makes no sense is refused") {
    const auto key = SigningKey::generate();
    Ticket t = some_ticket();
    t.expiry = t.not_before;
    CHECK_FALSE(seal::open_ticket(seal::issue_ticket(t, key), key.public_key()).has_value());
    t = some_ticket();
    t.mode = static_cast<seal::TicketMode>(9);
    CHECK_FALSE(seal::open_ticket(seal::issue_ticket(t, key), key.public_key()).has_value());
}

TEST_CASE("seal: a stream id is a ticket, bare, with an instance, or as an access-control field") {
    const std::string ticket = seal::issue_ticket(some_ticket(), SigningKey::generate());
    const auto bare = seal::parse_stream_id(ticket);
    REQUIRE(bare.has_value());
    CHECK(bare->ticket == ticket);
    CHECK(bare->instance == std::array<std::uint8_t, 8>{});
    CHECK(bare->path == 0);

    const seal::StreamId full{ticket, {1, 2, 3, 4, 5, 6, 7, 8}, 1};
    const auto back = seal::parse_stream_id(seal::format_stream_id(full));
    REQUIRE(back.has_value());
    CHECK(back->ticket == full.ticket);
    CHECK(back->instance == full.instance);
    CHECK(back->path == 1);

    CHECK(seal::parse_stream_id("#!::s=" + ticket)->ticket == ticket);
    CHECK(seal::parse_stream_id("#!::m=publish,u=x,s=" + ticket)->ticket == ticket);
    CHECK(seal::parse_stream_id("#!::s=" + seal::format_stream_id(full) + ",m=publish")->path == 1);
}

TEST_CASE("seal: other stream ids are refused") {
    const std::string ticket = seal::issue_ticket(some_ticket(), SigningKey::generate());
    for (const std::string &id :
         {std::string{}, std::string{"live/stream"}, std::string{"#!::"}, std::string{"#!::,,,"},
          std::string{"#!::m=publish"}, std::string{"#!::s="}, ticket + ".",
          ticket + ".AQIDBAUGBwg", ticket + ".AQIDBAUGBwg.", ticket + ".AQIDBAUGBwg.2",
          ticket + ".AQIDBAUGBwg.01", ticket + ".AQIDBAUGBwg.0.0", ticket + "..0",
          ticket + ".AQIDBAUGBw.0", ticket + "x", "#!::s=#!::s=" + ticket.substr(1),
          "#!::s=#!::" + ticket.substr(4)}) {
        CAPTURE(id);
        CHECK_FALSE(seal::parse_stream_id(id).has_value());
    }
}

TEST_CASE("seal: a nested access-control stream id does not exhaust the stack") {
    std::string id;
    for (int i = 0; i < 200'000; ++i)
        id += "#!::s=";
    CHECK_FALSE(seal::parse_stream_id(id).has_value());
}

TEST_CASE("seal: the passphrase depends on the group key and the ticket, and fits SRT") {
    const seal::Bytes group = seal::random_bytes(32);
    const std::string one = seal::srt_passphrase(group, {1});
    CHECK(one.size() == 32);
    CHECK(one == seal::srt_passphrase(group, {1}));
    CHECK(one != seal::srt_passphrase(group, {2}));
    CHECK(one != seal::srt_passphrase(seal::random_bytes(32), {1}));
}
