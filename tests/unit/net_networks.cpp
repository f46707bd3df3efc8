#include "net/networks.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>

using net::Ip;
using net::Network;

TEST_CASE("net: what is not everybody's Internet is not public") {
    for (const char *text : {"0.0.0.0",
                             "0.1.2.3",
                             "10.0.0.1",
                             "100.64.0.1",
                             "127.0.0.1",
                             "127.255.255.255",
                             "169.254.169.254",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.0.0.8",
                             "192.0.2.1",
                             "192.168.1.1",
                             "198.18.0.1",
                             "198.19.255.255",
                             "198.51.100.9",
                             "203.0.113.77",
                             "224.0.0.1",
                             "239.255.255.255",
                             "240.0.0.1",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "::ffff:8.8.8.8",
                             "::ffff:127.0.0.1",
                             "::127.0.0.1",
                             "64:ff9b::808:808",
                             "64:ff9b:1::1",
                             "100::1",
                             "2001::1",
                             "2001:10::1",
                             "2001:db8::1",
                             "2002:7f00:1::1",
                             "3fff::1",
                             "fc00::1",
                             "fdff::1",
                             "fe80::1",
                             "fec0::1",
                             "ff02::1",
                             "4000::1",
                             "1fff::1"}) {
        CAPTURE(text);
        const auto ip = Ip::parse(text);
        REQUIRE(ip);
        CHECK_FALSE(net::is_public(*ip));
    }
    for (const char *text : {"1.1.1.1",
                             "8.8.8.8",
                             "9.255.255.255",
                             "11.0.0.1",
                             "100.63.255.255",
                             "100.128.0.1",
                             "126.1.1.1",
                             "128.0.0.1",
                             "172.15.255.255",
                             "172.32.0.1",
                             "192.0.1.1",
                             "192.167.1.1",
                             "198.17.255.255",
                             "198.20.0.1",
                             "223.255.255.255",
                             "2001:200::1",
                             "2001:4860:4860::8888",
                             "2003::1",
                             "2606:4700::1111",
                             "2a00::1"}) {
        CAPTURE(text);
        CHECK(net::is_public(Ip::parse(text).value()));
    }
}

TEST_CASE("net: networks are read strictly, and hold what begins as they do") {
    const auto in = [](const char *network, const char *ip) {
        return Network::parse(network).value().contains(Ip::parse(ip).value());
    };
    CHECK(in("10.1.0.0/16", "10.1.255.255"));
    CHECK_FALSE(in("10.1.0.0/16", "10.2.0.0"));
    CHECK(in("10.1.128.0/17", "10.1.129.0"));
    CHECK_FALSE(in("10.1.128.0/17", "10.1.127.255"));
    CHECK(in("192.0.2.7", "192.0.2.7"));
    CHECK_FALSE(in("192.0.2.7", "192.0.2.6"));
    CHECK(in("0.0.0.0/0", "255.0.0.1"));
    CHECK_FALSE(in("0.0.0.0/0", "::ffff:127.0.0.1")); // a mapped address is no IPv4 one
    CHECK(in("fd00::/8", "fdab::1"));
    CHECK(Network::parse("fd00::/8").value().text() == "fd00::/8");
    for (const char *text :
         {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.1/8", "fd00::1/8", "10.0.0.0/8 ",
          "10.0.0.0/+8", "example.org", "::/129", "10.0.0/8"}) {
        CAPTURE(text);
        CHECK_FALSE(Network::parse(text));
    }
}

TEST_CASE("net: addresses are taken from the kernel's form") {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(Ip::of(reinterpret_cast<const sockaddr &>(v4)) == Ip::parse("127.0.0.1"));
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    CHECK(Ip::of(reinterpret_cast<const sockaddr &>(v6)) == Ip::parse("::1"));
    sockaddr other{};
    other.sa_family = AF_UNIX;
    CHECK_FALSE(Ip::of(other));
}
