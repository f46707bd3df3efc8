// What drivers of lines tell their programs, and make of what those say.
#include "carrier/command.hpp"
#include "carrier/wireguard.hpp"

#include <doctest/doctest.h>
#include <fstream>
#include <sys/stat.h>

namespace fs = std::filesystem;

TEST_CASE("carrier: wg is told keys, peer and mark, and nothing that is not there") {
    const std::string key(43, 'A');
    wire::WireguardInfo info{.private_key = key + "=",
                             .addresses = {"10.64.0.2/32"},
                             .peer_public_key = key + "B",
                             .preshared_key = {},
                             .endpoint = {"2001:db8::7", 51820},
                             .allowed = {"203.0.113.12/32", "2001:db8:1::/64"},
                             .underlay = "lineA"};
    CHECK(carrier::wireguard_configuration(info, 0x736c6f02) ==
          fmt::format(
              "[Interface]\nPrivateKey = {0}=\nFwMark = 0x736c6f02\n[Peer]\nPublicKey = {0}B\n"
              "Endpoint = [2001:db8::7]:51820\n"
              "AllowedIPs = 203.0.113.12/32, 2001:db8:1::/64\nPersistentKeepalive = 25\n",
              key));
    info.preshared_key = key + "C";
    info.endpoint.host = "192.0.2.7";
    const std::string text = carrier::wireguard_configuration(info, 0);
    CHECK(text.find("PresharedKey = " + info.preshared_key + "\n") != text.npos);
    CHECK(text.find("Endpoint = 192.0.2.7:51820\n") != text.npos);
    CHECK(text.find("FwMark") == text.npos);
}

TEST_CASE("carrier: a handshake was seen when one peer has a time of it") {
    CHECK_FALSE(carrier::had_handshake(""));
    CHECK_FALSE(carrier::had_handshake("KEY=\t0\n"));
    CHECK(carrier::had_handshake("KEY=\t1790000000\n"));
    CHECK(carrier::had_handshake("KEY=\t0\nOTHER=\t1790000000\n"));
}

TEST_CASE("carrier: the site's program prints its interface's name, and nothing else") {
    CHECK(carrier::judge_up("carA\n", "carA").empty());
    CHECK(carrier::judge_up("carA", "carA").empty());
    for (const char *wrong :
         {"", "\n", "carB\n", "carA\ncarA\n", "carA \n", " carA\n", "\x1b[1m\n"}) {
        CAPTURE(wrong);
        const std::string said = carrier::judge_up(wrong, "carA");
        CHECK_FALSE(said.empty());
        CHECK(said.find('\x1b') == said.npos);
    }
}

TEST_CASE("carrier: a program that others may change is refused, by itself and by its folders") {
    std::string folder = "/tmp/program.XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const fs::path program = fs::path(folder) / "up";
    std::ofstream{program} << "#!/bin/sh\n";
    const auto code = [&] {
        const auto done = carrier::check_program(program);
        return done ? base::Errc::bug : done.error().code;
    };
    CHECK(code() == base::Errc::no_input); // not executable
    REQUIRE(::chmod(program.c_str(), 0755) == 0);
    CHECK(code() == base::Errc::bug);
    for (const mode_t mode : {0775, 0757}) {
        REQUIRE(::chmod(program.c_str(), mode) == 0);
        CHECK(code() == base::Errc::not_permitted);
    }
    REQUIRE(::chmod(program.c_str(), 0755) == 0);
    REQUIRE(::chmod(folder.c_str(), 0777) == 0);
    CHECK(code() == base::Errc::not_permitted);
    REQUIRE(::chmod(folder.c_str(), 01777) == 0); // as /tmp
    CHECK(code() == base::Errc::bug);
    fs::remove(program);
    CHECK(code() == base::Errc::no_input);
    fs::remove_all(folder);
}
