// Requests within limits, paths that lead nowhere else, tokens, pages.
#include "relay/document.hpp"
#include "relay/http_reader.hpp"
#include "relay/http_rules.hpp"
#include "relay/pages.hpp"
#include "relay/router.hpp"
#include "relay/viewer_token.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using relay::HttpReader;
using Status = relay::HttpReader::Status;

TEST_CASE("relay: a request is read in whatever pieces it comes") {
    CHECK(rc::check("pieces", [](const std::vector<std::uint8_t> &sizes) {
        const std::string text =
            "GET /w/x/live.ts?y=1?z HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n"
            "POST /w/x/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
        HttpReader reader;
        std::string buffer;
        std::vector<relay::HttpRequest> requests;
        std::size_t at = 0;
        for (std::size_t i = 0; at < text.size(); ++i) {
            const std::size_t n = i < sizes.size() ? sizes[i] % 16 + 1 : text.size();
            buffer += text.substr(at, n);
            at += n;
            while (!buffer.empty()) {
                const auto status = reader.feed(buffer);
                if (status == Status::more)
                    break;
                RC_ASSERT(status == Status::done);
                requests.push_back(reader.take());
            }
        }
        RC_ASSERT(requests.size() == 2U);
        RC_ASSERT(requests[0].path == "/w/x/live.ts");
        RC_ASSERT(requests[0].query == "y=1?z");
        RC_ASSERT(requests[0].range == "bytes=0-1");
        RC_ASSERT(requests[0].if_none_match.empty());
        RC_ASSERT(requests[0].keep_alive);
        RC_ASSERT(requests[1].method == "POST");
        RC_ASSERT(requests[1].body == "hello");
    }));
}

TEST_CASE("relay: a request that is too large or malformed is seen early") {
    const auto status_of = [](std::string text) { return HttpReader{}.feed(text); };
    CHECK(status_of("GET / HTTP/1.1\r\nX: " + std::string(9000, 'a') + "\r\n\r\n") ==
          Status::too_large);
    CHECK(status_of("GET /" + std::string(9000, 'a')) == Status::too_large);
    CHECK(status_of("POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n") == Status::too_large);
    CHECK(status_of("NONSENSE\r\n\r\n") == Status::malformed);
    CHECK(status_of("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n") == Status::malformed);
    CHECK(status_of("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") ==
          Status::malformed);
    CHECK(status_of(std::string("GET / HTTP/1.1\r\nX: \0\r\n\r\n", 23)) == Status::malformed);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: h") == Status::more);
}

TEST_CASE("relay: a body whose length is not said is refused before any of it is read") {
    const std::string head = "POST /w/x/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string body : {"", "0\r\n", "0\r\nh", "5\r\nhello\r\n0\r\n\r\n"}) {
        HttpReader reader;
        std::string text = head + body;
        CHECK(reader.feed(text) == Status::no_length);
    }
    // Byte by byte: Boost.Beast 1.81 asserts that four bytes are enough for a last chunk.
    HttpReader reader;
    Status status = Status::more;
    std::string buffer;
    for (const char c : head + "0\r\nhello")
        if (status == Status::more)
            status = reader.feed(buffer += c);
    CHECK(status == Status::no_length);
}

TEST_CASE("relay: any bytes are read without harm") {
    CHECK(rc::check("garbage", [](std::string text) {
        HttpReader reader;
        while (reader.feed(text) == Status::done)
            (void)reader.take();
    }));
}

TEST_CASE("relay: paths are plain, and nothing is decoded") {
    const auto parts = relay::split_path("/w/abc/live.ts");
    REQUIRE(parts.has_value());
    CHECK(*parts == std::vector<std::string_view>{"w", "abc", "live.ts"});
    CHECK(relay::split_path("/w/abc/")->back().empty());
    for (const char *bad : {"", "w", "//", "/w//x", "/./x", "/../x", "/w/..", "/%2e%2e/x", "/a b",
                            "/a\\b", "/a;b", "http://x/"})
        CHECK_FALSE(relay::split_path(bad).has_value());
    CHECK_FALSE(relay::split_path("/" + std::string(600, 'a')).has_value());
}

TEST_CASE("relay: one range of bytes") {
    using Range = std::pair<std::int64_t, std::int64_t>;
    CHECK(relay::parse_range("bytes=0-9", 100) == Range{0, 10});
    CHECK(relay::parse_range("bytes=90-", 100) == Range{90, 100});
    CHECK(relay::parse_range("bytes=90-1000", 100) == Range{90, 100});
    CHECK(relay::parse_range("bytes=-10", 100) == Range{90, 100});
    CHECK(relay::parse_range("bytes=-1000", 100) == Range{0, 100});
    CHECK(relay::parse_range("bytes=100-", 100) == Range{100, 100}); // outside: 416
    for (const char *ignored : {"", "bytes", "bytes=", "bytes=-", "bytes=5-1", "bytes=0-1,3-4",
                                "bytes=a-b", "items=0-1", "bytes=--1"})
        CHECK_FALSE(relay::parse_range(ignored, 100).has_value());
}

TEST_CASE("relay: tags and encodings are read as lists, and only what is meant counts") {
    for (const char *same : {"\"a\"", "*", " * ", "\"b\", \"a\"", "W/\"a\"", "\"b\",W/\"a\" ,"})
        CHECK(relay::names_etag(same, "\"a\""));
    for (const char *other : {"", "a", "\"A\"", "\"b\"", "w/\"a\"", "\"a", ",", "**", "\"a-gzip\""})
        CHECK_FALSE(relay::names_etag(other, "\"a\""));
    for (const char *yes : {"gzip", "GZip", "br, gzip", "gzip;q=0.1", "gzip; q=1.0", "x-gzip", "*",
                            "br;q=1.0, *;q=0.5", "gzip;Q=0.001"})
        CHECK(relay::accepts_gzip(yes));
    for (const char *no : {"", "identity", "gzip;q=0", "gzip;q=0.000", "br", "*;q=0", "gzip;q=0, *",
                           "gzipped", "gzip;q=", "gzip ; q = 0"})
        CHECK_FALSE(relay::accepts_gzip(no));
    CHECK(rc::check("any text", [](const std::string &text) {
        (void)relay::names_etag(text, "\"a\"");
        (void)relay::accepts_gzip(text);
    }));
}

TEST_CASE("relay: what a player of low latency asks is read strictly") {
    const auto read = relay::parse_directives("_HLS_msn=273&_HLS_part=2&_HLS_skip=YES");
    REQUIRE(read.has_value());
    CHECK(read->sequence == 273);
    CHECK(read->part == 2);
    CHECK(read->skip);
    CHECK(relay::parse_directives("")->sequence == -1);
    CHECK(relay::parse_directives("x=1&&_HLS_msn=0&y")->sequence == 0);
    CHECK(relay::parse_directives("_HLS_skip=v2")->skip);
    CHECK_FALSE(relay::parse_directives("_HLS_skip=no")->skip);
    for (const char *bad :
         {"_HLS_msn=", "_HLS_msn", "_HLS_msn=-1", "_HLS_msn=+1", "_HLS_msn=1x", "_HLS_part=1",
          "_HLS_msn=1&_HLS_msn=1", "_HLS_msn=1&_HLS_part=1&_HLS_part=1", "_HLS_msn=%31",
          "_HLS_skip=YES&_HLS_skip=YES", "_HLS_msn=1000000000000000"})
        CHECK_FALSE(relay::parse_directives(bad).has_value());
}

TEST_CASE("relay: a date as HTTP writes it") {
    CHECK(relay::http_date(base::from_unix_ms(784'111'777'000)) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(relay::http_date(base::from_unix_ms(1'709'164'800'999)) ==
          "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST_CASE("relay: a document has one tag for each form, and compresses the same each time") {
    const relay::Document a{std::string(10'000, 'x') + "end"};
    const relay::Document b{std::string(10'000, 'x') + "end"};
    const relay::Document empty{""};
    CHECK(a.etag(false) == b.etag(false));
    CHECK(a.etag(false) != a.etag(true));
    CHECK(a.etag(false) != empty.etag(false));
    CHECK(a.gzip() == b.gzip());
    CHECK(a.gzip().size() < 200);
    CHECK(a.gzip().starts_with("\x1f\x8b"));
    CHECK(empty.gzip().size() > 10);
}

TEST_CASE("relay: a viewer's token is for one event, one password, and not for ever") {
    const seal::Secret key{seal::Bytes(32, 7)};
    wire::FeedEntry event;
    event.vid = "abcdefgh12345678";
    event.password_hash = "$argon2id$1";
    event.window = {.start = base::from_unix_ms(0),
                    .end = base::from_unix_ms(1000),
                    .lead_in = base::Seconds{0},
                    .drain = base::Seconds{0}};
    event.retention_s = 1;
    const auto now = base::from_unix_ms(1999);
    const std::string token = relay::make_viewer_token(key, event);
    CHECK(token.size() == 32);
    CHECK(relay::check_viewer_token(key, event, token, now));
    CHECK_FALSE(relay::check_viewer_token(key, event, token, base::from_unix_ms(2000)));
    CHECK_FALSE(relay::check_viewer_token(seal::Secret{seal::Bytes(32, 8)}, event, token, now));
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string flipped = token;
        flipped[i] = flipped[i] == 'B' ? 'C' : 'B';
        CHECK_FALSE(relay::check_viewer_token(key, event, flipped, now));
    }
    auto other = event;
    other.vid = "abcdefgh12345679";
    CHECK_FALSE(relay::check_viewer_token(key, other, token, now));
    other = event;
    other.password_hash = "$argon2id$2";
    CHECK_FALSE(relay::check_viewer_token(key, other, token, now));
    auto extended = event; // by more than the retention
    extended.window.end = base::from_unix_ms(5000);
    CHECK(relay::check_viewer_token(key, extended, token, base::from_unix_ms(5999)));
    CHECK_FALSE(relay::check_viewer_token(key, extended, token, base::from_unix_ms(6000)));
    CHECK_FALSE(relay::check_viewer_token(key, event, "", now));
    CHECK_FALSE(relay::check_viewer_token(key, event, token + "AAAA", now));
}

TEST_CASE("relay: forms are decoded, pages escaped") {
    CHECK(relay::form_value("a=1&password=p%40s+s%25", "password") == "p@s s%");
    CHECK(relay::form_value("passwordx=1", "password").empty());
    CHECK(relay::form_value("password=%4", "password").empty());
    CHECK(relay::form_value("password=%zz", "password").empty());
    CHECK(relay::form_value("password", "password").empty());
    CHECK(relay::escape_html("<a href=\"x\">'&") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    wire::FeedEntry event;
    event.title = "<script>";
    const std::string page = relay::watch_page(event, {.stage = relay::Stage::live}, "/player/x/");
    CHECK(page.find("<script>") == std::string::npos);
    CHECK(page.contains("&lt;script&gt;"));
}
