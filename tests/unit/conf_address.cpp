#include "conf/address.hpp"

#include <doctest/doctest.h>
#include <string>

TEST_CASE("conf: addresses are read and printed") {
    CHECK(conf::parse_address("192.0.2.1:80")->text() == "192.0.2.1:80");
    CHECK(conf::parse_address("[2001:DB8:0::1]:8443")->text() == "[2001:db8::1]:8443");
    CHECK(conf::canonical_ip("::0001").value() == "::1");
}

TEST_CASE("conf: what is no address and port is refused") {
    for (const char *text : {"", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
                             "192.0.2.1:80x", "example.net:80", "2001:db8::1:80", "[192.0.2.1]:80",
                             "[::1]", "[fe80::1%eth0]:80", "1.2.3:80", ":80", "[]:80"}) {
        CAPTURE(text);
        CHECK_FALSE(conf::parse_address(text).has_value());
    }
}
