#include "wire/notify.hpp"
#include "wire_samples.hpp"

#include <doctest/doctest.h>

using wire::NotifyTarget;
using wire::parse_notify;

TEST_CASE("wire: addresses to notify are mailboxes and https URLs") {
    for (const char *text :
         {"mailto:ops@example.org", "mailto:a.b+c_d~e=f-g@mail-1.example.co", "mailto:x@localhost",
          "https://example.org", "https://example.org/", "https://example.org:8443/a/b?c=d&e=%20",
          "https://192.0.2.1/x", "https://[2001:db8::1]:1/x", "https://example.org?x",
          "https://EXAMPLE.org"}) {
        CAPTURE(text);
        CHECK(parse_notify(text));
    }
    CHECK(parse_notify("mailto:ops@example.org")->address == "ops@example.org");
    CHECK(parse_notify("https://example.org/x")->kind == NotifyTarget::Kind::webhook);
    CHECK(wire::shown(*parse_notify("https://example.org:1/secret")) == "https://example.org:1/…");
    CHECK(wire::shown(*parse_notify("https://example.org")) == "https://example.org");
}

TEST_CASE("wire: what could be taken for a header, a command or another host is no address") {
    using namespace std::string_literals;
    for (const std::string &text : {""s,
                                    "mailto:"s,
                                    "https://"s,
                                    "http://example.org/"s,
                                    "HTTPS://example.org"s,
                                    "ops@example.org"s,
                                    "mailto:ops@example.org\r\nBcc: all@example.org"s,
                                    "mailto:ops@example.org\n"s,
                                    "mailto:ops\r@example.org"s,
                                    "mailto:ops@example.org\0"s,
                                    "mailto:ops@example.org?subject=x"s,
                                    "mailto:ops@example.org,b@example.org"s,
                                    "mailto:a@b@example.org"s,
                                    "mailto:<ops@example.org>"s,
                                    "mailto:ops%40example.org"s,
                                    "mailto:ops@exa%0d%0ample.org"s,
                                    "mailto:.ops@example.org"s,
                                    "mailto:ops.@example.org"s,
                                    "mailto:o..ps@example.org"s,
                                    "mailto:ops@"s,
                                    "mailto:@example.org"s,
                                    "mailto:ops@.org"s,
                                    "mailto:ops@example..org"s,
                                    "mailto:ops@-example.org"s,
                                    "mailto:ops@example-.org"s,
                                    "mailto:o ps@example.org"s,
                                    "mailto:\"o\"@example.org"s,
                                    "mailto:ops@[192.0.2.1]"s,
                                    "mailto:öps@example.org"s,
                                    "mailto:"s + std::string(65, 'a') + "@example.org",
                                    "mailto:a@"s + std::string(64, 'b') + ".org",
                                    "https://user@example.org/"s,
                                    "https://user:pw@example.org/"s,
                                    "https://example.org/#x"s,
                                    "https://example.org/a b"s,
                                    "https://example.org/\r\nX: y"s,
                                    "https://example.org/\t"s,
                                    "https://example.org:0/"s,
                                    "https://example.org:65536/"s,
                                    "https://example.org:/"s,
                                    "https://example.org:1x/"s,
                                    "https:///x"s,
                                    "https://exam_ple.org/"s,
                                    "https://[::1/"s,
                                    "https://[]/"s,
                                    "https://[::1]x/"s,
                                    "https://ex%61mple.org/"s,
                                    "https://example.org\\@evil.example/"s,
                                    "https://example.org/ä"s,
                                    "https://example.org/"s + std::string(1024, 'x'),
                                    "javascript:alert(1)"s,
                                    "file:///etc/passwd"s}) {
        CAPTURE(text);
        const auto read = parse_notify(text);
        CHECK_FALSE(read);
    }
}

TEST_CASE("wire: a request names each address to notify once") {
    wire::ReservationRequest r = samples::some_request();
    r.notify = {"mailto:a@example.org", "https://example.org/"};
    CHECK(wire::read_request(wire::to_json(r), "request"));
    r.notify = {"mailto:a@example.org", "mailto:a@example.org"};
    CHECK_FALSE(wire::read_request(wire::to_json(r), "request"));
    r.notify = {"mailto:a@example.org\nBcc: b@example.org"};
    const auto bad = wire::read_request(wire::to_json(r), "request");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().message.find("request.notify") != std::string::npos);
}
