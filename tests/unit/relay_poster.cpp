// What counts as a picture, whatever a process that may have been taken over says.
#include "relay/poster_desk.hpp"

#include <doctest/doctest.h>

namespace {

std::string jpeg(unsigned width, unsigned height, char frame = '\xc0') {
    const auto word = [](unsigned value) {
        return std::string{static_cast<char>(value >> 8U), static_cast<char>(value)};
    };
    return std::string{"\xff\xd8\xff\xe0"} + word(4) + "JF" + "\xff" + frame + word(11) + "\x08" +
           word(height) + word(width) + std::string(4, '\1') + "\xff\xda" + word(2) + "scan" +
           "\xff\xd9";
}

} // namespace

TEST_CASE("relay: only a JPEG of the promised size is given to viewers") {
    CHECK(relay::is_poster(jpeg(1280, 720)));
    CHECK(relay::is_poster(jpeg(16, 16, '\xc2')));
    CHECK_FALSE(relay::is_poster(jpeg(1281, 720)));
    CHECK_FALSE(relay::is_poster(jpeg(1280, 721)));
    CHECK_FALSE(relay::is_poster(jpeg(0, 720)));
    CHECK_FALSE(relay::is_poster(jpeg(60'000, 60'000)));
    CHECK_FALSE(relay::is_poster(""));
    CHECK_FALSE(relay::is_poster("\xff\xd8\xff\xd9"));
    CHECK_FALSE(relay::is_poster("<script>alert(1)</script>"));
    CHECK_FALSE(relay::is_poster(jpeg(640, 360) + "<script>"));
    const std::string whole = jpeg(640, 360);
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        CHECK_FALSE(relay::is_poster(whole.substr(0, cut)));
    for (std::size_t i = 0; i < whole.size() * 256; ++i) { // whatever the bytes, it ends
        std::string other = whole;
        other[i / 256] = static_cast<char>(i % 256);
        std::ignore = relay::is_poster(other);
    }
}

TEST_CASE("relay: an event's picture is known while it is fresh, or while nothing new comes") {
    relay::Event event{{}, "t"};
    CHECK(event.poster() == nullptr);
    CHECK_FALSE(event.poster_is_known(100));
    const auto before = event.snapshot();
    event.set_poster(nullptr, 1'000'000);
    CHECK(event.snapshot() != before); // so that workers look at who waits for it
    CHECK(event.poster_is_known(1'000'000'000));
    event.live = true;
    CHECK(event.poster_is_known(20'999'999));
    CHECK_FALSE(event.poster_is_known(21'000'000));
    event.set_poster(std::make_shared<const relay::Document>("jpeg"), 30'000'000);
    event.set_poster(nullptr, 60'000'000); // the next one could not be decoded
    CHECK(event.poster()->text() == "jpeg");
    CHECK(relay::poster_media(event).empty());
}
