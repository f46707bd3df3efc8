// What SRT out makes of a caller's stream id, and of the media that it is told of.
#include "relay/pull_media.hpp"
#include "relay/pull_table.hpp"
#include "relay/viewer_token.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

using wire::PullRefusal;

namespace {

std::string asked(std::string_view stream_id) {
    const auto request = relay::parse_pull_request(stream_id);
    if (!request)
        return std::string("! ") + std::string(wire::name(request.error()));
    return std::string(request->vid) + " " + std::string(request->token);
}

base::Fd memory(std::string_view text) {
    base::Fd fd{::memfd_create("extent", MFD_CLOEXEC)};
    REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return fd;
}

std::string text_at(const relay::PullMedia &media, std::int64_t position) {
    const auto bytes = media.at(position);
    return {bytes.begin(), bytes.end()};
}

} // namespace

TEST_CASE("relay: a stream id asks for an event, by SRT's access control or by its name alone") {
    CHECK(asked("abc") == "abc ");
    CHECK(asked("#!::m=request,r=abc") == "abc ");
    CHECK(asked("#!::r=abc") == "abc ");
    CHECK(asked("#!::r=abc,s=xyz,m=request") == "abc xyz");
    CHECK(asked("#!::u=somebody,r=abc,t=stream") == "abc ");
    CHECK(asked("#!::m=publish,r=abc") == "! wrong_use");
    CHECK(asked("#!::m=bidirectional,r=abc") == "! wrong_use");
    for (const std::string_view bad :
         {"", "#!::", "#!::m=request", "#!::r=", "#!::r", "#!::r=abc,r=abd", "#!::r=abc,s=a,s=b",
          "#!::r=a/b", "a b", "a/b", "..", "#!:r=abc", "#!::r=abc,s=", "#!{r=abc}"})
        CHECK_MESSAGE(asked(bad) == "! bad_request", bad);
    CHECK(asked(std::string(65, 'a')) == "! bad_request");
    CHECK(asked(std::string(511, ',')) == "! bad_request");
}

TEST_CASE("relay: a token is asked for before anything is said of the event") {
    const seal::Secret key{seal::Bytes(32, 7)};
    wire::FeedEntry entry;
    entry.vid = "locked";
    entry.password_hash = "hash";
    entry.window = {.start = base::from_unix_ms(0), .end = base::from_unix_ms(1000)};
    const std::string token = relay::make_viewer_token(key, entry);
    entry.window.end = base::from_unix_ms(9000); // extended since: the viewer's URL has the old one
    const std::string token_key = seal::to_base64url(relay::viewer_token_key(key, entry).view());
    const std::string now = relay::make_viewer_token(key, entry);
    REQUIRE(now != token);
    relay::PullTable table;
    table["open"] = {.event = 1, .vid = "open", .token_key = "", .refuse = ""};
    table["full"] = {.event = 2, .vid = "full", .token_key = "", .refuse = "full"};
    table["locked"] = {.event = 3, .vid = "locked", .token_key = token_key, .refuse = ""};
    table["late"] = {.event = 4, .vid = "late", .token_key = token_key, .refuse = "over"};
    const auto decided = [&](const std::string &id) { return relay::decide_pull(id, table); };
    CHECK(decided("open").value() == 1);
    CHECK(decided("#!::r=open,s=whatever").value() == 1);
    CHECK(decided("full").error() == PullRefusal::full);
    CHECK(decided("none").error() == PullRefusal::not_found);
    CHECK(decided("locked").error() == PullRefusal::password);
    CHECK(decided("#!::r=locked,s=" + token.substr(1)).error() == PullRefusal::password);
    CHECK(decided("#!::r=locked,s=" + token_key).error() == PullRefusal::password);
    CHECK(decided("#!::r=locked,s=" + token).value() == 3);
    CHECK(decided("#!::r=locked,s=" + now).value() == 3);
    CHECK(decided("late").error() == PullRefusal::password);
    CHECK(decided("#!::r=late,s=" + token).error() == PullRefusal::over);
    entry.vid = "other";
    CHECK(decided("#!::r=locked,s=" + relay::make_viewer_token(key, entry)).error() ==
          PullRefusal::password);
    table["locked"].token_key = "no key"; // opens nothing
    CHECK(decided("#!::r=locked,s=" + token).error() == PullRefusal::password);
}

TEST_CASE("relay: media of SRT out is a row over extents, and nothing outside of them") {
    relay::PullMedia media;
    REQUIRE(media.give({.event = 1, .extent = 7, .bytes = 10}, memory("0123456789")));
    REQUIRE(media.give({.event = 1, .extent = 8, .bytes = 10}, memory("abcdefghij")));
    const auto add = [&](std::int64_t extent, std::int64_t offset, std::int64_t begin,
                         std::int64_t end) {
        return media
            .add({.event = 1,
                  .extent = extent,
                  .offset = offset,
                  .begin = begin,
                  .end = end,
                  .newest_cut = 102,
                  .window_begin = 100})
            .has_value();
    };
    CHECK(media.start() == -1);
    CHECK(add(7, 2, 100, 104));
    CHECK(media.start() == 102);
    CHECK(add(7, 6, 104, 108));
    CHECK(add(8, 0, 108, 111));
    CHECK(text_at(media, 100) == "23456789");
    CHECK(text_at(media, 107) == "9");
    CHECK(text_at(media, 109) == "bc");
    CHECK(text_at(media, 111).empty());
    CHECK(text_at(media, 99).empty());
    CHECK(media.end_position() == 111);
    CHECK_FALSE(add(9, 0, 111, 112)); // no such extent
    CHECK_FALSE(add(8, 8, 111, 114)); // beyond its end
    CHECK_FALSE(add(8, 3, 111, 111));
    CHECK_FALSE(add(8, 3, 111, 110));
    media.drop(7);
    CHECK(text_at(media, 104).empty());
    CHECK(text_at(media, 109) == "bc");
    CHECK(add(8, 5, 200, 203)); // a gap: what was known is void
    CHECK(text_at(media, 109).empty());
    CHECK(text_at(media, 200) == "fgh");
}

TEST_CASE("wire: messages of SRT out are read back as they were written, and nothing else") {
    const std::vector<wire::PullMessage> all{
        wire::PullSetup{.listen = {.host = "192.0.2.1", .port = 9000}, .latency_ms = 120},
        wire::PullEvent{.event = 3, .vid = "v", .token_key = "t", .refuse = "full"},
        wire::PullForget{.event = 3},
        wire::PullExtent{.event = 3, .extent = 4, .bytes = 5},
        wire::PullDrop{.event = 3, .extent = 4},
        wire::PullMedia{.event = 3,
                        .extent = 4,
                        .offset = 5,
                        .begin = 6,
                        .end = 7,
                        .newest_cut = -1,
                        .window_begin = 2},
        wire::PullEnd{.event = 3},
        wire::PullClose{.session = 9},
        wire::PullOpened{.session = 9, .event = 3, .peer = "192.0.2.9:5"},
        wire::PullSent{.session = 9, .bytes = 188, .moves = 1},
        wire::PullClosed{.session = 9, .slow = true},
        wire::PullRefused{.reason = "full", .count = 2}};
    for (const auto &message : all) {
        const std::string text = wire::write_pull(message);
        const auto read = wire::read_pull(text);
        REQUIRE_MESSAGE(read.has_value(), text);
        CHECK(read->index() == message.index());
        CHECK(wire::write_pull(*read) == text);
    }
    for (const std::string_view bad :
         {"", "{}", R"({"type":"other"})", R"({"type":"sent","session":1,"bytes":-1,"moves":0})",
          R"({"type":"sent","session":1,"bytes":1,"moves":0,"more":1})",
          R"({"type":"opened","session":-1,"event":0,"peer":"p"})", R"({"type":"closed"})"})
        CHECK_FALSE(wire::read_pull(bad));
    for (const auto refusal : {PullRefusal::bad_request, PullRefusal::not_found, PullRefusal::full})
        CHECK(wire::pull_refusal(wire::name(refusal)) == refusal);
    CHECK_FALSE(wire::pull_refusal(""));
}
