#include "conf/terminal.hpp"

#include <doctest/doctest.h>

using conf::read_terminal;
using conf::Table;

namespace {

constexpr std::string_view k_whole = R"(control = "https://control.example:8443"
cacert = "/etc/slotcast/ca.pem"
reservation_interface = "inet0"
preset = "lineA"
media_uid = 1234
vault = "/srv/vault"
state = "/run/other"

[carriers.lineA]
interface = "carA"
gateway4 = "10.2.0.1"

[carriers.lineB]
interface = "carB"
dhcp = true

[carriers.lineC]
interface = "ppp-c"
device = "/dev/serial/by-id/usb-1:2.0"

[carriers.lineD]
interface = "wwan0"
modem = "/org/freedesktop/ModemManager1/Modem/0"

[carriers.lineE]
interface = "carE"
up = ["/usr/local/sbin/line", "a \"b\""]
down = ["/usr/local/sbin/line"]
)";

base::Result<conf::TerminalConfig> read(std::string_view text) {
    const auto table = Table::parse(text, "terminal.toml");
    REQUIRE(table.has_value());
    return read_terminal(*table);
}

std::string why(std::string_view text) {
    const auto config = read(text);
    return config ? "it was accepted" : config.error().message;
}

} // namespace

TEST_CASE("conf: terminal.toml is read, and what is printed reads back") {
    const auto config = read(k_whole);
    REQUIRE(config.has_value());
    CHECK(config->media_uid == 1234);
    CHECK(config->carriers.at("lineA").gateway4 == "10.2.0.1");
    CHECK(conf::print_terminal(*config) == k_whole);
    CHECK(read("")->vault.filename() == "vault");
    CHECK(read(conf::print_terminal(*read(""))).has_value());
}

TEST_CASE("conf: what is printed reads back, whatever the values hold") {
    auto config = *read(k_whole);
    config.cacert = "/a \"b\"\\c\td/\xc3\xa9\x01.pem";
    config.vault = "C:\\new";
    const auto back = read(conf::print_terminal(config));
    REQUIRE(back.has_value());
    CHECK(back->cacert == config.cacert);
    CHECK(back->vault == config.vault);
}

TEST_CASE("conf: terminal.toml is refused line by line") {
    CHECK(why("control = \"http://x\"") == "terminal.toml:1: control: not an https:// address");
    CHECK(why("\nmedia_uid = 0") == "terminal.toml:2: media_uid: 0 is not in 1 to 4294967294");
    CHECK(why("[carriers.a]\n") == "terminal.toml:1: carriers.a.interface: missing");
    CHECK(why("[carriers.a]\ninterface = \"way-too-long-a-name\"")
              .starts_with("terminal.toml:2: carriers.a.interface: 'way-too-long"));
    for (const char *name : {"-x", ".", "..", "a b", "a/b", "a\\nb", "e\\u00e9"})
        CHECK(why(fmt::format("reservation_interface = \"{}\"", name))
                  .find("is not an interface name") != std::string::npos);
    CHECK(why("[carriers.a]\ninterface = \"x\"\nspeed = 1") ==
          "terminal.toml:3: carriers.a.speed: not a known key");
    CHECK(why("reservation_interface = \"x\"\n[carriers.a]\ninterface = \"x\"") ==
          "terminal.toml:3: carriers.a.interface: is the reservation interface too");
    CHECK(why("reservation_interface = \"x\"\n[carriers.a]\ninterface = \"y\"\ndevice = \"x\"") ==
          "terminal.toml:4: carriers.a.device: is the reservation interface too");
    for (const char *device :
         {"/dev/../x", "/etc/passwd", "eth0 debug", "/dev/a b", "/dev/a\\nb", "-x"})
        CHECK(why(fmt::format("[carriers.a]\ninterface = \"y\"\ndevice = \"{}\"", device))
                  .find("carriers.a.device: is neither") != std::string::npos);
    CHECK(why("[carriers.a]\ninterface = \"y\"\ndevice = \"y\"")
              .find("carriers.a.device: is the carrier's own") != std::string::npos);
    CHECK(
        why("[carriers.a]\ninterface = \"y\"\nmodem = \"a b\"").find("carriers.a.modem: is not") !=
        std::string::npos);
    CHECK(why("[carriers.a]\ninterface = \"y\"\nup = [\"line-up\"]")
              .find("carriers.a.up: does not begin with") != std::string::npos);
    CHECK(why("[carriers.a]\ninterface = \"y\"\nup = [\"/x\", \"a\\nb\"]")
              .find("carriers.a.up: holds a control") != std::string::npos);
    CHECK(why("[carriers.a]\ninterface = \"y\"\ndown = [\"/x\"]")
              .find("carriers.a.down: stands without up") != std::string::npos);
    CHECK(why("preset = \"b\"\n[carriers.a]\ninterface = \"x\"") ==
          "terminal.toml:1: preset: there is no [carriers.b]");
    CHECK(why("[carriers.\"../a\"]\ninterface = \"x\"").find("'../a' is not a carrier's name") !=
          std::string::npos);
    CHECK(why("[carriers.a]\ninterface = \"x\"\ngateway4 = \"10.2.0\"")
              .starts_with("terminal.toml:3: carriers.a.gateway4: "));
    CHECK(why("[carriers.a]\ninterface = \"x\"\ngateway6 = \"10.2.0.1\"")
              .starts_with("terminal.toml:3: carriers.a.gateway6: "));
}
