#include "wire_samples.hpp"

#include <doctest/doctest.h>
#include <functional>

using base::Errc;
using seal::BoxKey;
using seal::SigningKey;
using wire::Json;
using wire::JsonObject;
using wire::SealedSettings;
using wire::Settings;

namespace {

struct Parties {
    SigningKey control = SigningKey::generate();
    SigningKey terminal = SigningKey::generate();
    BoxKey box = BoxKey::generate();

    [[nodiscard]] Settings settings() const {
        return samples::some_settings(control.id(), terminal.id());
    }
    [[nodiscard]] SealedSettings sealed() const {
        return wire::seal_settings(settings(), control, box.public_key());
    }
    [[nodiscard]] base::Result<Settings> open(const SealedSettings &sealed) const {
        return wire::open_settings(sealed, box, terminal.id(), control.public_key());
    }
};

// The document after `change`, as text would bring it.
base::Result<Settings> read_changed(const std::function<void(JsonObject &)> &change) {
    Json json = wire::to_json(Parties{}.settings());
    change(json.get_object());
    return wire::read_settings(*wire::parse_json(wire::compact_json(json), "test"));
}

std::string why(const std::function<void(JsonObject &)> &change) {
    const auto settings = read_changed(change);
    return settings ? "it was accepted" : settings.error().message;
}

} // namespace

TEST_CASE("wire: settings survive the envelope") {
    const Parties p;
    const auto opened = p.open(p.sealed());
    REQUIRE(opened.has_value());
    CHECK(*opened == p.settings());
    // and the record on the pipe
    const std::string line = wire::compact_json(wire::to_json(p.sealed()));
    CHECK(line.starts_with(R"({"type":"settings","v":1,"reservation":")"));
    const auto record = wire::read_sealed(*wire::parse_json(line, "test"), "record");
    REQUIRE(record.has_value());
    CHECK(p.open(*record) == p.settings());
}

TEST_CASE("wire: the envelope shows nothing of the document") {
    const Parties p;
    const std::string line = wire::compact_json(wire::to_json(p.sealed()));
    CHECK(line.find("Town hall") == std::string::npos);
    CHECK(p.sealed().sealed != p.sealed().sealed);
}

TEST_CASE("wire: settings with any bit flipped are refused") {
    const Parties p;
    const SealedSettings whole = p.sealed();
    const seal::Bytes bytes = *seal::from_base64(whole.sealed);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        seal::Bytes flipped = bytes;
        flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
        SealedSettings changed = whole;
        changed.sealed = seal::to_base64(flipped);
        CHECK_FALSE(p.open(changed).has_value());
    }
    for (std::size_t n = 0; n < bytes.size(); n += 37) {
        SealedSettings cut = whole;
        cut.sealed = seal::to_base64({bytes.data(), n});
        CHECK_FALSE(p.open(cut).has_value());
    }
}

TEST_CASE("wire: settings of another control, for another terminal or reservation are refused") {
    const Parties p;
    const SealedSettings sealed = p.sealed();
    const auto stranger = SigningKey::generate();
    CHECK(wire::open_settings(sealed, p.box, p.terminal.id(), stranger.public_key()).error().code ==
          Errc::not_permitted);
    CHECK(wire::open_settings(sealed, BoxKey::generate(), p.terminal.id(), p.control.public_key())
              .error()
              .code == Errc::bad_data);
    CHECK(wire::open_settings(sealed, p.box, stranger.id(), p.control.public_key()).error().code ==
          Errc::bad_data);
    SealedSettings other = sealed;
    other.reservation = samples::some_id(9);
    CHECK(p.open(other).error().code == Errc::bad_data);
    other = sealed;
    other.recipient = stranger.id();
    CHECK(p.open(other).error().code == Errc::bad_data);
    // control sealed another terminal's document to this one's key
    Settings misled = p.settings();
    misled.recipient = stranger.id();
    CHECK_FALSE(p.open(wire::seal_settings(misled, p.control, p.box.public_key())).has_value());
}

TEST_CASE("wire: a signature for something else does not sign settings") {
    const Parties p;
    const Json document = wire::to_json(p.settings());
    const auto signature =
        p.control.sign("slotcast-ticket-v1\0", seal::bytes_of(wire::canonical_json(document)));
    const std::string text = wire::canonical_json(
        JsonObject{{"document", document}, {"signature", seal::to_base64url(signature)}});
    SealedSettings forged = p.sealed();
    forged.sealed = seal::to_base64(seal::seal_to(p.box.public_key(), seal::bytes_of(text)));
    CHECK(p.open(forged).error().code == Errc::not_permitted);
}

TEST_CASE("wire: an envelope of anything but settings is refused") {
    const Parties p;
    for (const char *text :
         {"", "{}", "[]", "null", "{\"document\":{}}", "{\"document\":{},\"signature\":\"\"}",
          "{\"document\":{},\"signature\":\"AAAA\",\"x\":1}", "\xff"}) {
        CAPTURE(text);
        SealedSettings odd = p.sealed();
        odd.sealed = seal::to_base64(seal::seal_to(p.box.public_key(), seal::bytes_of(text)));
        CHECK_FALSE(p.open(odd).has_value());
    }
}

TEST_CASE("wire: a signed document that holds a fraction is refused, not thrown at the caller") {
    const Parties p;
    const std::string text =
        R"({"document":{"v":1.5},"signature":")" + seal::to_base64url(seal::Signature{}) + "\"}";
    SealedSettings odd = p.sealed();
    odd.sealed = seal::to_base64(seal::seal_to(p.box.public_key(), seal::bytes_of(text)));
    CHECK(p.open(odd).error().code == Errc::bad_data);
}

TEST_CASE("wire: settings are refused field by field") {
    CHECK(read_changed([](JsonObject &) {}).has_value());
    CHECK(why([](JsonObject &d) { d["extra"] = 1; }) == "settings.extra: not a known field");
    CHECK(why([](JsonObject &d) { d["v"] = 2; }) == "settings.v: 2 is not in 1 to 1");
    CHECK(why([](JsonObject &d) { d.erase("window"); }) == "settings.window: missing");
    CHECK(why([](JsonObject &d) { d["serial"] = "3"; }) == "settings.serial: expected an integer");
    CHECK(why([](JsonObject &d) { d["serial"] = -1; }).starts_with("settings.serial: -1"));
    CHECK(why([](JsonObject &d) {
              d["window"].at("start") = "18:00";
          }).starts_with("settings.window.start: '18:00' is not"));
    CHECK(why([](JsonObject &d) { d["window"].at("end") = d["window"].at("start"); }) ==
          "settings.window.end: not after start");
    CHECK(why([](JsonObject &d) { d["carriers"] = wire::JsonArray{}; }) ==
          "settings: no carrier or no relay");
    CHECK(why([](JsonObject &d) { d["carriers"].at(0).at("name") = "../x"; }) ==
          "settings.carriers.name: not a plain name");
    CHECK(why([](JsonObject &d) {
              d["carriers"].at(0).at("type") = "pigeon";
          }).starts_with("'pigeon' is not a carrier type"));
    CHECK(why([](JsonObject &d) {
              d["carriers"].at(0).at("ingest").at(0).at("host") = "relay.example";
          }).find("'relay.example' is not an IP address") != std::string::npos);
    CHECK(why([](JsonObject &d) {
              d["carriers"].at(0).at("ingest").at(0).at("port") = 0;
          }).find("0 is not in 1 to 65535") != std::string::npos);
    CHECK(why([](JsonObject &d) { d["carriers"].at(0).at("ingest").at(0).at("relay") = "r9"; }) ==
          "settings.carriers: line-a leads to unknown relay 'r9'");
    CHECK(why([](JsonObject &d) { d["carriers"].at(1).at("name") = "line-a"; }) ==
          "settings.carriers: 'line-a' stands twice");
    CHECK(why([](JsonObject &d) {
              d["carriers"].at(0).at("link").at("gateway4") = "::1";
          }).find("not an IPv4 address") != std::string::npos);
    CHECK(why([](JsonObject &d) {
              d["relays"].at(0).at("srt").at("latency_ms") = 5;
          }).find("latency_ms: 5 is not in") != std::string::npos);
    CHECK(why([](JsonObject &d) {
              d["relays"].at(0).at("srt").at("pbkeylen") = 17;
          }).find("pbkeylen") != std::string::npos);
    CHECK(why([](JsonObject &d) {
              d["stream"].at("ticket") = "a&passphrase=b";
          }).find("stream.ticket") != std::string::npos);
    CHECK(why([](JsonObject &d) {
              d["relays"].at(0).at("srt").at("passphrase") = "a&b c";
          }).find("srt.passphrase") != std::string::npos);
    CHECK(why([](JsonObject &d) { d["request"].at("title") = "a\nb"; }).find("control character") !=
          std::string::npos);
    CHECK(why([](JsonObject &d) {
              d["viewer"].at("url") = "http://x/\x1b[2J";
          }).find("viewer.url") != std::string::npos);
}

TEST_CASE("wire: settings find their carriers and relays by name") {
    const Settings s = Parties{}.settings();
    CHECK(s.carrier("line-b") == &s.carriers[1]);
    CHECK(s.carrier("line-c") == nullptr);
    CHECK(s.relay("r2") == &s.relays[1]);
    CHECK(s.relay("") == nullptr);
}
