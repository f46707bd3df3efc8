#include "base/file.hpp"
#include "carrier/state.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

using namespace carrier;

namespace {

base::Id id(std::uint8_t n) {
    base::Id out;
    out.bytes[15] = n;
    return out;
}

CarrierState state(std::string name, std::map<base::Id, Use> uses) {
    CarrierState out;
    out.name = std::move(name);
    out.number = 2;
    out.interface = "carB";
    out.gateway6 = "fd00::1";
    out.media_uid = 64010;
    out.sources = {"10.3.0.2", "fd00::2"};
    out.uses = std::move(uses);
    return out;
}

} // namespace

TEST_CASE("carrier: a state survives its text") {
    CarrierState before = state("lineB", {{id(1), {7, {"203.0.113.10", "2001:db8::10"}}},
                                          {id(2), {.turn = 9, .ingest = {}, .leaving = true}}});
    before.owned = {.driver = "ppp",
                    .since_ms = 1234,
                    .tries = 3,
                    .processes = {{.pid = 300, .started = 77}, {.pid = 301, .started = 78}},
                    .handle = "/a/b"};
    const auto after = read_state(to_text(before), "lineB.json");
    REQUIRE(after.has_value());
    CHECK(*after == before);
}

TEST_CASE("carrier: a damaged state is refused") {
    const std::string text = to_text(state("lineB", {{id(1), {7, {"203.0.113.10"}}}}));
    for (std::size_t length = 0; length + 2 < text.size(); ++length)
        CHECK_FALSE(read_state(text.substr(0, length), "x").has_value());
    const auto with = [&](std::string_view part, std::string_view instead) {
        std::string out = text;
        return read_state(out.replace(out.find(part), part.size(), instead), "x");
    };
    CHECK_FALSE(with("\"v\":1", "\"v\":2").has_value());
    CHECK_FALSE(with("\"number\":2", "\"number\":25").has_value());
    CHECK_FALSE(with("\"number\":2", "\"number\":0").has_value());
    CHECK_FALSE(with("\"media_uid\":64010", "\"media_uid\":0").has_value());
    CHECK_FALSE(with("\"turn\"", "\"run\"").has_value());
    CHECK_FALSE(with("\"driver\":\"link\"", "\"driver\":1").has_value());
    // Neither init nor a process group may be what is ended.
    for (const char *pid : {"1", "0", "-5"})
        CHECK_FALSE(
            with("\"processes\":[", fmt::format("\"processes\":[{{\"pid\":{},\"started\":1}}", pid))
                .has_value());
}

TEST_CASE("carrier: the last one brought up is the active one, by reservation and of all") {
    Carriers carriers;
    CHECK(active_for(carriers, id(1)) == nullptr);
    CHECK(most_recent(carriers) == nullptr);
    CHECK(highest_turn(carriers) == 0);
    carriers["A"] = state("A", {{id(1), {1, {}}}, {id(2), {4, {}}}});
    carriers["B"] = state("B", {{id(1), {3, {}}}});
    CHECK(active_for(carriers, id(1))->name == "B");
    CHECK(active_for(carriers, id(2))->name == "A");
    CHECK(active_for(carriers, id(3)) == nullptr);
    CHECK(most_recent(carriers)->name == "A");
    CHECK(highest_turn(carriers) == 4);
    CHECK_FALSE(leaving(carriers, id(1)));
    carriers["B"].uses[id(1)].leaving = true;
    CHECK(leaving(carriers, id(1)));
    CHECK_FALSE(leaving(carriers, id(2)));
    CHECK(active_for(carriers, id(1))->name == "A");
    carriers["A"].uses[id(2)].leaving = true;
    CHECK(most_recent(carriers)->name == "A");
    CHECK(active_for(carriers, id(2)) == nullptr);
    CHECK(highest_turn(carriers) == 4);
}

TEST_CASE("carrier: one whose relay has not answered yet is nobody's active one") {
    Carriers carriers;
    carriers["A"] = state("A", {{id(1), {0, {}}}});
    CHECK(active_for(carriers, id(1)) == nullptr);
    CHECK(most_recent(carriers) == nullptr);
    CHECK(read_state(to_text(carriers["A"]), "A") == carriers["A"]);
}

TEST_CASE("carrier: who takes the lock removes what a killed writer left") {
    namespace fs = std::filesystem;
    const fs::path path = fs::temp_directory_path() / fmt::format("slotcast-state-{}", ::getpid());
    const auto folder = StateFolder::open(path, true);
    REQUIRE(folder.has_value());
    REQUIRE(folder->store(state("lineB", {})).has_value());
    const fs::path left = path / "carriers" / "lineB.json.cd49f0b46a454d20.tmp";
    REQUIRE(base::write_file_atomic(left, "{", 0644).has_value());
    CHECK(folder->load().has_value());
    CHECK(fs::exists(left)); // it may be somebody's who writes now
    CHECK(folder->lock(0).has_value());
    CHECK_FALSE(fs::exists(left));
    CHECK(folder->load().value().contains("lineB"));
    fs::remove_all(path);
}
