// Accounts at carriers: derived, each its own, and good for as long as somebody is enrolled.
#include "control/accounts.hpp"
#include "control_fixture.hpp"

#include <set>

using control::AccountOf;
using control::AccountRules;
using control_test::Fixture;

namespace {

net::Network network(std::string_view text) {
    return net::Network::parse(text).value();
}

ledger::Party party(const std::string &name, std::int64_t account, std::int64_t enrolled_ms = 7) {
    return {.name = name,
            .role = ledger::Role::distributor,
            .sign_key = {1},
            .box_key = {2},
            .enrolled = base::from_unix_ms(enrolled_ms),
            .seen = {},
            .account = account};
}

std::vector<std::string> addresses(const AccountRules &rules, std::int64_t account) {
    const Fixture f;
    const std::string carrier = "line";
    const ledger::Party who = party("alice", account);
    std::vector<std::string> out;
    for (const net::Ip &ip : control::account_addresses({f.keys, carrier, rules, who}))
        out.push_back(ip.text());
    return out;
}

} // namespace

TEST_CASE("control: an account is the same for a key that is replaced, else nobody else's") {
    const Fixture f;
    const Fixture elsewhere;
    const std::string a = "a";
    const std::string b = "b";
    const AccountRules rules;
    const AccountRules anew{.pool = {}, .generation = 2};
    const auto alice = party("alice", 1);
    auto replaced = alice;
    replaced.sign_key = {3};
    replaced.box_key = {4};
    const auto bob = party("bob", 2);
    const auto enrolled_anew = party("alice", 1, 8);
    const AccountOf of{f.keys, a, rules, alice};
    CHECK(control::account_user(of) == "alice@a");
    CHECK(control::account_password(of).size() == 32);
    const AccountOf same{f.keys, a, rules, replaced};
    CHECK(control::account_password(same) == control::account_password(of));
    CHECK(control::account_keys(same).private_key == control::account_keys(of).private_key);

    std::set<std::string> secrets;
    for (const AccountOf &other :
         {of, AccountOf{f.keys, b, rules, alice}, AccountOf{f.keys, a, anew, alice},
          AccountOf{f.keys, a, rules, bob}, AccountOf{f.keys, a, rules, enrolled_anew},
          AccountOf{elsewhere.keys, a, rules, alice}}) {
        secrets.insert(control::account_password(other));
        secrets.insert(control::account_keys(other).private_key);
        secrets.insert(control::account_keys(other).public_key);
        secrets.insert(control::account_keys(other).preshared_key);
    }
    CHECK(secrets.size() == std::size_t{6} * 4);
}

TEST_CASE("control: a distributor keeps its number, and a number is given again when it is free") {
    Fixture f;
    const auto party_of = [&](const std::string &name) {
        std::optional<ledger::Party> out;
        REQUIRE(f.ledger->read([&](ledger::Transaction &t) -> base::Result<void> {
            out = TRY(t.party_by_name(name));
            return {};
        }));
        return out.value();
    };
    CHECK(party_of("alice").account == 1);
    CHECK(party_of("bob").account == 2);
    CHECK(party_of("r1").account == 0);
    const auto first = party_of("alice").enrolled;
    f.clock.advance(base::Millis{1000});
    CHECK(f.enrol(f.alice, ledger::Role::distributor).status == 200); // the same key once more
    CHECK(party_of("alice").enrolled == first);
    const control_test::Actor next{.name = "alice"};
    CHECK(f.enrol(next, ledger::Role::distributor).status == 200);
    CHECK(party_of("alice").account == 1);
    CHECK(party_of("alice").enrolled == f.now());
    const control_test::Actor carol{.name = "carol"};
    CHECK(f.enrol(carol, ledger::Role::distributor).status == 200);
    CHECK(party_of("carol").account == 3);
    CHECK(f.post(f.boss, "/v1/keys/revoke",
                 wire::JsonObject{{"who", "bob"}, {"reservations", "keep"}})
              .status == 200);
    const control_test::Actor dan{.name = "dan"};
    CHECK(f.enrol(dan, ledger::Role::distributor).status == 200);
    CHECK(party_of("dan").account == 2);
}

TEST_CASE("control: a tunnel's public key is that of its private key") {
    const Fixture f;
    const std::string carrier = "a";
    const AccountRules rules;
    const auto alice = party("alice", 1);
    const auto keys = control::account_keys({f.keys, carrier, rules, alice});
    const auto secret = seal::from_base64(keys.private_key).value();
    CHECK((secret.front() & 7) == 0);
    CHECK((secret.back() & 0xc0) == 0x40);
    CHECK(seal::to_base64(seal::BoxKey::from_secret(secret).value().public_key()) ==
          keys.public_key);
}

TEST_CASE("control: each account has an address of its own out of every network of the pool") {
    using Texts = std::vector<std::string>;
    const AccountRules both{.pool = {network("10.64.0.0/22"), network("fd00:64::/64")}};
    CHECK(addresses(both, 1) == Texts{"10.64.0.2", "fd00:64::2"});
    CHECK(addresses(both, 254) == Texts{"10.64.0.255", "fd00:64::ff"});
    CHECK(addresses(both, 255) == Texts{"10.64.1.0", "fd00:64::100"});
    CHECK(addresses(both, 1021) == Texts{"10.64.3.254", "fd00:64::3fe"});
    CHECK(addresses(both, 1022) == Texts{"fd00:64::3ff"}); // IPv4 has no more
    CHECK(addresses(both, 0).empty());
    CHECK(addresses({.pool = {network("10.64.0.255/32")}}, 1).empty());
    CHECK(addresses({.pool = {network("10.64.0.0/30")}}, 1) == Texts{"10.64.0.2"});
    CHECK(addresses({.pool = {network("10.64.0.0/30")}}, 2).empty());
    CHECK(control::accounts_in(network("10.64.0.0/24")) == 253);
}

TEST_CASE("control: settings have the distributor's own accounts, of what is below a tunnel too") {
    std::string text{control_test::k_config};
    const std::string_view after = "b = \"203.0.113.11:9000\"\n";
    text.insert(text.find(after) + after.size(), "tun = \"203.0.113.12:9000\"\n");
    text += R"(
[carriers.dsl]
type = "ppp"
lines = 1
capacity = "20M"
[carriers.tun]
type = "wireguard"
lines = 2
capacity = "20M"
peer_public_key = "JRI8Xc0zKP9kXk8qP84NdUQA04h6DLfFbwJn4g+/PFs="
endpoint = "198.51.100.77:51820"
allowed = ["203.0.113.12/32"]
underlay = "dsl"
pool = ["10.64.0.0/24"]
)";
    Fixture f{text};
    auto wish = f.wish();
    wish.carriers = {"tun"};
    for (const auto *who : std::initializer_list<const control_test::Actor *>{&f.alice, &f.bob}) {
        const auto settings = f.open(f.book(*who, wish), *who);
        wish.channel = "two"; // the other one's
        REQUIRE(settings.carriers.size() == 2);
        std::optional<ledger::Party> party;
        REQUIRE(f.ledger->read([&](ledger::Transaction &t) -> base::Result<void> {
            party = TRY(t.party_by_name(who->name));
            return {};
        }));
        const std::string tun = "tun";
        const auto keys =
            control::account_keys({f.keys, tun, *f.config.carriers.at(tun).accounts, *party});
        const auto &tunnel = std::get<wire::WireguardInfo>(settings.carriers[0].connection);
        CHECK(tunnel.private_key == keys.private_key);
        CHECK(tunnel.preshared_key == keys.preshared_key);
        CHECK(tunnel.addresses ==
              std::vector<std::string>{fmt::format("10.64.0.{}/32", party->account + 1)});
        const wire::CarrierInfo &below = settings.carriers[1];
        CHECK(below.name == "dsl");
        CHECK(below.ingest.empty());
        CHECK(std::get<wire::PppInfo>(below.connection).user == who->name + "@dsl");
    }
}
