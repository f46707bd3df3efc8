// [carriers.NAME] of each type in control.toml, and its credentials.
#include "control/credentials.hpp"
#include "control_fixture.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace {

using base::Errc;
namespace fs = std::filesystem;

const std::string k_key = "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=";

/// The fixture's configuration with carrier a described by @p lines.
base::Result<control::Config> read(const std::string &lines) {
    std::string text{control_test::k_config};
    const std::string link = "type = \"link\"";
    text.replace(text.find(link), link.size(), lines);
    const std::string gateway = "gateway4 = \"10.2.0.1\"";
    if (const auto at = text.find(gateway); lines.find("\"link\"") == std::string::npos)
        text.erase(at, gateway.size());
    const auto table = conf::Table::parse(text, "control.toml");
    REQUIRE(table);
    return control::read_control(*table);
}

std::string why(const std::string &lines) {
    const auto config = read(lines);
    if (config)
        return "it was accepted";
    CHECK(config.error().code == Errc::config);
    return config.error().message;
}

const std::string k_pppoe =
    "type = \"ppp\"\nservice = \"tv\"\nuser = \"a@\\\"b\"\npassword_file = \"p\"\n";
const std::string k_serial =
    "type = \"ppp\"\nmode = \"serial\"\nnumber = \"*99#\"\ninit = [\"ATZ\"]\n"
    "user = \"a\"\npassword_file = \"p\"\n";
const std::string k_wireguard =
    "type = \"wireguard\"\nprivate_key_file = \"k\"\naddresses = [\"10.9.0.2/32\"]\n"
    "peer_public_key = \"" +
    k_key + "\"\nendpoint = \"10.2.0.1:51820\"\nallowed = [\"203.0.113.0/24\"]\n";
const std::string k_wwan = "type = \"wwan\"\napn = \"a.b\"\npin_file = \"n\"\n";

struct Folder {
    fs::path path = fs::temp_directory_path() / fmt::format("slotcast-credentials-{}", ::getpid());
    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }
    [[nodiscard]] fs::path file(const char *name, std::string_view text, mode_t mode = 0600) const {
        std::ofstream(path / name) << text;
        ::chmod((path / name).c_str(), mode);
        return path / name;
    }
};

} // namespace

TEST_CASE("control: carriers of every type are read, and what is printed reads back") {
    for (const std::string &lines : {k_pppoe, k_serial, k_wireguard + "underlay = \"b\"\n",
                                     k_wireguard + "allow_internet_underlay = true\n", k_wwan,
                                     std::string("type = \"command\"\n")}) {
        CAPTURE(lines);
        const auto config = read(lines);
        REQUIRE(config);
        const std::string printed = control::print_control(*config);
        const auto table = conf::Table::parse(printed, "printed");
        REQUIRE(table);
        const auto again = control::read_control(*table);
        REQUIRE(again);
        CHECK(again->carriers.at("a").connection == config->carriers.at("a").connection);
        CHECK(control::print_control(*again) == printed);
    }
}

TEST_CASE("control: a carrier's connection is refused by line and key") {
    CHECK(why("type = \"ppp\"\nuser = \"a b\"\npassword_file = \"p\"\n")
              .find("carriers.a.user: not 1 to 128") != std::string::npos);
    CHECK(
        why("type = \"ppp\"\nuser = \"a\"\n").find("carriers.a.user: user and password_file go") !=
        std::string::npos);
    CHECK(why("type = \"ppp\"\nmode = \"x\"\n").find("carriers.a.mode") != std::string::npos);
    CHECK(why(k_serial + "service = \"x\"\n").find("carriers.a.service: not a known") !=
          std::string::npos);
    CHECK(why(k_serial + "speed = 1\n").find("carriers.a.speed: 1 is not in") != std::string::npos);
    CHECK(why(k_wireguard).find("carriers.a.underlay: missing") != std::string::npos);
    CHECK(why(k_wireguard + "underlay = \"c\"\n").find("[carriers.c]") != std::string::npos);
    CHECK(why(k_wireguard + "underlay = \"a\"\n").find("is a tunnel itself") != std::string::npos);
    CHECK(why(k_wireguard + "underlay = \"b\"\nkeepalive = \"48h\"\n")
              .find("carriers.a.keepalive: not 1") != std::string::npos);
    CHECK(why("type = \"wwan\"\napn = \"a b\"\n").find("carriers.a.apn") != std::string::npos);
    CHECK(why("type = \"command\"\nup = [\"/bin/true\"]\n").find("carriers.a.up: not a known") !=
          std::string::npos);
}

TEST_CASE("control: without credentials for all, each distributor has an account") {
    const auto dialled = read("type = \"ppp\"\npool = [\"10.9.0.0/24\"]\n");
    REQUIRE(dialled);
    REQUIRE(dialled->carriers.at("a").accounts);
    CHECK(dialled->carriers.at("a").accounts->generation == 1);
    CHECK(control::print_control(*dialled).find("pool = [\"10.9.0.0/24\"]\n") != std::string::npos);
    CHECK_FALSE(read(k_pppoe)->carriers.at("a").accounts);
    CHECK(why(k_pppoe + "pool = [\"10.9.0.0/24\"]\n").find("carriers.a.pool: not a known") !=
          std::string::npos);
    const std::string own = k_wireguard.substr(0, k_wireguard.find("private_key_file")) +
                            k_wireguard.substr(k_wireguard.find("peer_public_key")) +
                            "underlay = \"b\"\n";
    CHECK(why(own).find("carriers.a.pool: is empty") != std::string::npos);
    CHECK(read(own + "pool = [\"10.64.0.0/24\", \"fd00:64::/64\"]\naccount_generation = 3\n")
              ->carriers.at("a")
              .accounts->generation == 3);
}

TEST_CASE("control: credentials come from files of their own, and reach the settings") {
    const Folder folder;
    // Longer than a process's number, which is in the folder's name.
    const std::string pin = "41928375";
    auto config = read(k_wwan);
    REQUIRE(config);
    auto &site = config->carriers.at("a");
    site.pin_file = folder.file("pin", pin + "\n");
    REQUIRE(control::read_credentials(*config));
    const control_test::Fixture f;
    const ledger::Party studio{.name = "studio",
                               .role = ledger::Role::distributor,
                               .sign_key = {},
                               .box_key = {},
                               .enrolled = {},
                               .seen = {}};
    const auto connection = control::connection_for(site, "a", f.keys, studio);
    CHECK(std::get<wire::WwanInfo>(connection).pin == pin);
    CHECK(control::print_control(*config).find(pin) == std::string::npos);

    site.pin_file = folder.file("odd", "12x4\n");
    CHECK(control::read_credentials(*config).error().code == Errc::config);
    CHECK(control::read_credentials(*config).error().message.find("12x4") == std::string::npos);
    site.pin_file = folder.file("open", "1234\n", 0640);
    CHECK(control::read_credentials(*config).error().code == Errc::not_permitted);
    site.pin_file = folder.path / "none";
    CHECK(control::read_credentials(*config).error().code == Errc::no_input);
}
