// [carriers.NAME]: what there is of lines, and how they are reached.
#include "conf/toml_text.hpp"
#include "control/config_parts.hpp"

#include <algorithm>

namespace control {

using base::Result;
using base::Seconds;
using conf::Table;

namespace {

constexpr std::int64_t k_max_count = 10'000'000;

// Addresses are told apart by their text, so they get the one spelling.
Result<std::string> canonical(const Table &t, std::string_view key) {
    const std::string text = TRY(t.string_or(key, ""));
    return conf::canonical_ip(text).value_or(text); // what is none is found with the other flaws
}

Result<void> read_user(const Table &t, CarrierSite &site, std::string &user) {
    user = TRY(t.string_or("user", ""));
    site.password_file = TRY(t.string_or("password_file", ""));
    if (user.empty() != site.password_file.empty())
        return std::unexpected(t.error_at(user.empty() ? "password_file" : "user",
                                          "user and password_file go together"));
    return {};
}

// Without one account for all, control gives each distributor its own.
Result<AccountRules> read_accounts(const Table &t, bool pool_required) {
    AccountRules out;
    out.generation = TRY(t.integer_or("account_generation", 1, 1, k_max_count));
    for (const std::string &text : TRY(t.strings_or_empty("pool"))) {
        const auto network = net::Network::parse(text);
        if (!network)
            return std::unexpected(
                t.error_at("pool", network.error().message, network.error().hint));
        if (std::ranges::any_of(out.pool, [&](const net::Network &other) {
                return other.first.v6 == network->first.v6;
            }))
            return std::unexpected(t.error_at("pool", "has two networks of one family"));
        out.pool.push_back(*network);
    }
    if (pool_required && out.pool.empty())
        return std::unexpected(t.error_at("pool", "is empty", "each account has an address of it"));
    return out;
}

Result<wire::Connection> read_link(const Table &t) {
    wire::LinkInfo c;
    c.gateway4 = TRY(canonical(t, "gateway4"));
    c.gateway6 = TRY(canonical(t, "gateway6"));
    return c;
}

Result<wire::Connection> read_ppp(const Table &t, CarrierSite &site) {
    wire::PppInfo c;
    const std::string mode = TRY(t.string_or("mode", "pppoe"));
    if (mode == "serial")
        c.mode = wire::PppMode::serial;
    else if (mode != "pppoe")
        return std::unexpected(t.error_at("mode", "is neither \"pppoe\" nor \"serial\""));
    if (c.mode == wire::PppMode::pppoe) {
        c.service = TRY(t.string_or("service", ""));
        c.concentrator = TRY(t.string_or("concentrator", ""));
    } else {
        c.number = TRY(t.string("number"));
        c.init = TRY(t.strings_or_empty("init"));
        c.speed = TRY(t.integer_or("speed", c.speed, 300, 4'000'000));
    }
    TRY(read_user(t, site, c.user));
    if (c.user.empty())
        site.accounts = TRY(read_accounts(t, false));
    return c;
}

Result<wire::Connection> read_wireguard(const Table &t, CarrierSite &site) {
    wire::WireguardInfo c;
    site.private_key_file = TRY(t.string_or("private_key_file", ""));
    if (site.private_key_file.empty()) {
        site.accounts = TRY(read_accounts(t, true));
    } else {
        site.preshared_key_file = TRY(t.string_or("preshared_key_file", ""));
        c.addresses = TRY(t.strings_or_empty("addresses"));
    }
    c.peer_public_key = TRY(t.string("peer_public_key"));
    const conf::Address at = TRY(read_address(t, "endpoint"));
    c.endpoint = {at.host, at.port};
    c.allowed = TRY(t.strings_or_empty("allowed"));
    const auto keepalive = TRY(t.duration_or("keepalive", Seconds{c.keepalive_s}));
    c.keepalive_s = std::chrono::floor<Seconds>(keepalive).count();
    c.mtu = TRY(t.integer_or("mtu", c.mtu, 1280, 65'535));
    c.underlay = TRY(t.string_or("underlay", ""));
    c.allow_internet_underlay = TRY(t.boolean_or("allow_internet_underlay", false));
    return c;
}

Result<wire::Connection> read_wwan(const Table &t, CarrierSite &site) {
    wire::WwanInfo c;
    c.apn = TRY(t.string("apn"));
    c.ip_type = TRY(t.string_or("ip_type", c.ip_type));
    site.pin_file = TRY(t.string_or("pin_file", ""));
    TRY(read_user(t, site, c.user));
    return c;
}

Result<wire::Connection> read_connection(wire::CarrierType type, const Table &t,
                                         CarrierSite &site) {
    switch (type) {
    case wire::CarrierType::link:
        return read_link(t);
    case wire::CarrierType::ppp:
        return read_ppp(t, site);
    case wire::CarrierType::wireguard:
        return read_wireguard(t, site);
    case wire::CarrierType::wwan:
        return read_wwan(t, site);
    case wire::CarrierType::command:
        break;
    }
    return wire::CommandInfo{};
}

/// The first flaw of what stands here, as if credentials were there: those are in files that are
/// not read yet, or each distributor's own.
std::optional<wire::Flaw> flaw_but_credentials(const CarrierSite &site) {
    wire::Connection connection = site.connection;
    if (auto *ppp = std::get_if<wire::PppInfo>(&connection); ppp != nullptr && site.accounts)
        ppp->user = "user";
    if (auto *wireguard = std::get_if<wire::WireguardInfo>(&connection)) {
        wireguard->private_key = std::string(43, 'A') + '=';
        if (site.accounts)
            wireguard->addresses = {"192.0.2.1/32"};
    }
    return wire::flaw(connection);
}

struct Print {
    const CarrierSite &site;
    std::string out = {};

    void line(std::string_view key, std::string_view value) {
        if (!value.empty())
            out += fmt::format("{} = {}\n", key, conf::toml_text(value));
    }
    void list(std::string_view key, const std::vector<std::string> &values) {
        if (!values.empty())
            out += fmt::format("{} = {}\n", key, conf::toml_text(values));
    }
    void user(std::string_view name) {
        line("user", name);
        line("password_file", site.password_file.native());
    }

    void accounts() {
        if (!site.accounts)
            return;
        std::vector<std::string> pool;
        for (const net::Network &network : site.accounts->pool)
            pool.push_back(network.text());
        list("pool", pool);
        out += fmt::format("account_generation = {}\n", site.accounts->generation);
    }

    void operator()(const wire::LinkInfo &c) {
        line("gateway4", c.gateway4);
        line("gateway6", c.gateway6);
    }
    void operator()(const wire::PppInfo &c) {
        line("mode", name(c.mode));
        line("service", c.service);
        line("concentrator", c.concentrator);
        line("number", c.number);
        list("init", c.init);
        if (c.mode == wire::PppMode::serial)
            out += fmt::format("speed = {}\n", c.speed);
        user(c.user);
        accounts();
    }
    void operator()(const wire::WireguardInfo &c) {
        accounts();
        line("private_key_file", site.private_key_file.native());
        line("preshared_key_file", site.preshared_key_file.native());
        list("addresses", c.addresses);
        line("peer_public_key", c.peer_public_key);
        line("endpoint", conf::Address{c.endpoint.host, c.endpoint.port}.text());
        list("allowed", c.allowed);
        out += fmt::format("keepalive = \"{}\"\nmtu = {}\n",
                           base::format_duration(Seconds{c.keepalive_s}), c.mtu);
        line("underlay", c.underlay);
        if (c.allow_internet_underlay)
            out += "allow_internet_underlay = true\n";
    }
    void operator()(const wire::WwanInfo &c) {
        line("apn", c.apn);
        line("ip_type", c.ip_type);
        user(c.user);
        line("pin_file", site.pin_file.native());
    }
    void operator()(const wire::CommandInfo &) {}
};

} // namespace

Result<void> read_carrier(const Table &t, const std::string &name, Config &c) {
    CarrierSite site;
    const auto type = wire::parse_carrier_type(TRY(t.string("type")));
    if (!type)
        return std::unexpected(t.error_at("type", type.error().message));
    site.connection = TRY(read_connection(*type, t, site));
    if (const auto found = flaw_but_credentials(site))
        return std::unexpected(
            t.error_at(found->member == "keepalive_s" ? "keepalive" : found->member, found->text));
    auto &capacity = c.catalogue.carriers[name];
    capacity.lines = TRY(t.integer("lines", 1, k_max_count));
    capacity.capacity = TRY(t.rate("capacity"));
    c.carriers[name] = std::move(site);
    if (const auto fee = TRY(read_fee(t, c)))
        c.carrier_fees[name] = *fee;
    return t.finish();
}

Result<void> check_underlays(const Table &top, const Config &c) {
    for (const auto &[name, site] : c.carriers) {
        const auto *tunnel = std::get_if<wire::WireguardInfo>(&site.connection);
        if (tunnel == nullptr || tunnel->underlay.empty())
            continue;
        const auto under = c.carriers.find(tunnel->underlay);
        if (under == c.carriers.end())
            return std::unexpected(top.error_at(
                "carriers", fmt::format("the underlay of {} is not there: [carriers.{}]", name,
                                        tunnel->underlay)));
        if (under->second.type() == wire::CarrierType::wireguard)
            return std::unexpected(
                top.error_at("carriers", fmt::format("the underlay of {} is a tunnel itself: {}",
                                                     name, tunnel->underlay)));
    }
    return {};
}

std::string print_connection(const CarrierSite &site) {
    Print print{site};
    std::visit(print, site.connection);
    return print.out;
}

} // namespace control
