#include "wire/connection.hpp"

#include <arpa/inet.h>
#include <array>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::array<std::string_view, 5> k_types{"link", "ppp", "wireguard", "wwan", "command"};
constexpr std::array<std::string_view, 2> k_modes{"pppoe", "serial"};

JsonArray array_of(const std::vector<std::string> &items) {
    return JsonArray(items.begin(), items.end());
}

struct Write {
    Json operator()(const LinkInfo &c) const {
        return JsonObject{{"gateway4", c.gateway4}, {"gateway6", c.gateway6}};
    }
    Json operator()(const PppInfo &c) const {
        JsonObject out{{"mode", name(c.mode)}};
        if (c.mode == PppMode::pppoe) {
            out["service"] = c.service;
            out["concentrator"] = c.concentrator;
        } else {
            out["number"] = c.number;
            out["init"] = array_of(c.init);
            out["speed"] = c.speed;
        }
        out["user"] = c.user;
        out["password"] = c.password;
        return out;
    }
    Json operator()(const WireguardInfo &c) const {
        JsonObject out{
            {"private_key", c.private_key},
            {"addresses", array_of(c.addresses)},
            {"peer_public_key", c.peer_public_key},
            {"endpoint", JsonObject{{"host", c.endpoint.host}, {"port", c.endpoint.port}}},
            {"allowed", array_of(c.allowed)},
            {"keepalive_s", c.keepalive_s},
            {"mtu", c.mtu},
            {"underlay", c.underlay},
            {"allow_internet_underlay", c.allow_internet_underlay}};
        if (!c.preshared_key.empty())
            out["preshared_key"] = c.preshared_key;
        return out;
    }
    Json operator()(const WwanInfo &c) const {
        return JsonObject{{"apn", c.apn},
                          {"user", c.user},
                          {"password", c.password},
                          {"pin", c.pin},
                          {"ip_type", c.ip_type}};
    }
    Json operator()(const CommandInfo &) const { return JsonObject{}; }
};

Result<Connection> read_link(ObjectReader &in) {
    LinkInfo c;
    c.gateway4 = TRY(in.string("gateway4", 64));
    c.gateway6 = TRY(in.string("gateway6", 64));
    return c;
}

Result<Connection> read_ppp(ObjectReader &in) {
    PppInfo c;
    const std::string mode = TRY(in.string("mode", 16));
    if (mode != name(PppMode::pppoe) && mode != name(PppMode::serial))
        return fail(Errc::bad_data, "{}: not one of {}", in.where("mode"),
                    fmt::join(k_modes, ", "));
    if (mode == name(PppMode::pppoe)) {
        c.service = TRY(in.string("service", 64));
        c.concentrator = TRY(in.string("concentrator", 64));
    } else {
        c.mode = PppMode::serial;
        c.number = TRY(in.string("number", 40));
        c.init = TRY(in.strings("init", 8));
        c.speed = TRY(in.integer("speed"));
    }
    c.user = TRY(in.string("user", 128));
    c.password = TRY(in.string("password", 255));
    return c;
}

Result<Connection> read_wireguard(ObjectReader &in) {
    WireguardInfo c;
    c.private_key = TRY(in.string("private_key", 64));
    c.addresses = TRY(in.strings("addresses", 32));
    c.peer_public_key = TRY(in.string("peer_public_key", 64));
    if (in.has("preshared_key")) {
        c.preshared_key = TRY(in.string("preshared_key", 64));
        if (c.preshared_key.empty())
            return fail(Errc::bad_data, "{}: empty", in.where("preshared_key"));
    }
    auto endpoint = TRY(in.object("endpoint"));
    c.endpoint = TRY(read_endpoint(endpoint));
    TRY(endpoint.finish());
    c.allowed = TRY(in.strings("allowed", 32));
    c.keepalive_s = TRY(in.integer("keepalive_s"));
    c.mtu = TRY(in.integer("mtu"));
    c.underlay = TRY(in.string("underlay", 32));
    c.allow_internet_underlay = TRY(in.boolean_or("allow_internet_underlay", false));
    return c;
}

Result<Connection> read_wwan(ObjectReader &in) {
    WwanInfo c;
    c.apn = TRY(in.string("apn", 100));
    c.user = TRY(in.string("user", 128));
    c.password = TRY(in.string("password", 255));
    c.pin = TRY(in.string("pin", 8));
    c.ip_type = TRY(in.string("ip_type", 16));
    return c;
}

Result<Connection> read_any(CarrierType type, ObjectReader &in) {
    switch (type) {
    case CarrierType::link:
        return read_link(in);
    case CarrierType::ppp:
        return read_ppp(in);
    case CarrierType::wireguard:
        return read_wireguard(in);
    case CarrierType::wwan:
        return read_wwan(in);
    case CarrierType::command:
        break;
    }
    return CommandInfo{};
}

} // namespace

Result<Endpoint> read_endpoint(ObjectReader &in) {
    Endpoint e;
    e.host = TRY(in.string("host", 64));
    e.port = static_cast<std::uint16_t>(TRY(in.integer("port", 1, 65535)));
    std::array<unsigned char, 16> ignored{};
    if (::inet_pton(AF_INET, e.host.c_str(), ignored.data()) != 1 &&
        ::inet_pton(AF_INET6, e.host.c_str(), ignored.data()) != 1)
        return fail(Errc::bad_data, "{}: '{}' is not an IP address", in.where("host"), e.host);
    return e;
}

std::string_view name(CarrierType type) {
    return k_types.at(static_cast<std::size_t>(type));
}

std::string_view name(PppMode mode) {
    return k_modes.at(static_cast<std::size_t>(mode));
}

Result<CarrierType> parse_carrier_type(std::string_view text) {
    for (std::size_t i = 0; i < k_types.size(); ++i)
        if (k_types[i] == text)
            return static_cast<CarrierType>(i);
    return fail(Errc::bad_data, "'{}' is not a carrier type (one of {})", text.substr(0, 32),
                fmt::join(k_types, ", "));
}

Json to_json(const Connection &connection) {
    return std::visit(Write{}, connection);
}

Result<Connection> read_connection(CarrierType type, ObjectReader in) {
    Connection out = TRY(read_any(type, in));
    TRY(in.finish());
    if (const auto found = flaw(out))
        return fail(Errc::bad_data, "{}: {}", in.where(found->member), found->text);
    return out;
}

Connection without_secrets(Connection connection) {
    const auto hide = [](std::string &secret) {
        if (!secret.empty())
            secret = "****";
    };
    if (auto *ppp = std::get_if<PppInfo>(&connection)) {
        hide(ppp->password);
    } else if (auto *wireguard = std::get_if<WireguardInfo>(&connection)) {
        hide(wireguard->private_key);
        hide(wireguard->preshared_key);
    } else if (auto *wwan = std::get_if<WwanInfo>(&connection)) {
        hide(wwan->password);
        hide(wwan->pin);
    }
    return connection;
}

} // namespace wire
