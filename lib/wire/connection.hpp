// How a carrier is reached, by type: the connection info of the settings document. What stands in
// it comes from outside and ends in routes, interfaces, programs' arguments and modems: every field
// has its few allowed characters, and none is a command. See slotcast-settings(5).
#pragma once

#include "wire/json.hpp"

#include <variant>

namespace wire {

/// An address of a relay's ingest, or of a tunnel's other end. `host` is an IP literal, never a
/// name: routes are made for it.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;
    bool operator==(const Endpoint &) const = default;
};
/// Reads the members `host` and `port`; bad_data when the host is not an IP literal.
[[nodiscard]] base::Result<Endpoint> read_endpoint(ObjectReader &in);

enum class CarrierType { link, ppp, wireguard, wwan, command };
[[nodiscard]] std::string_view name(CarrierType type);
[[nodiscard]] base::Result<CarrierType> parse_carrier_type(std::string_view text);

/// `link`: an interface that is there already. Empty gateway: the relay is on the link itself.
struct LinkInfo {
    std::string gateway4; ///< IPv4 literal or empty
    std::string gateway6;
    bool operator==(const LinkInfo &) const = default;
};

enum class PppMode { pppoe, serial };
[[nodiscard]] std::string_view name(PppMode mode);

/// `ppp`: a line that is dialled.
struct PppInfo {
    PppMode mode = PppMode::pppoe;
    std::string service;           ///< pppoe: the service's name, or empty for any
    std::string concentrator;      ///< pppoe: the access concentrator's name, or empty for any
    std::string number;            ///< serial: what is dialled, such as *99#
    std::vector<std::string> init; ///< serial: AT commands before it
    std::int64_t speed = 115'200;  ///< serial: bit/s between this machine and the modem
    std::string user;
    std::string password; ///< a secret
    bool operator==(const PppInfo &) const = default;
};

/// `wireguard`: a tunnel. Keys are base64 of 32 bytes, as wg(8) writes them.
struct WireguardInfo {
    std::string private_key;            ///< a secret, this terminal's
    std::vector<std::string> addresses; ///< of the tunnel's interface, `ADDRESS/LENGTH`
    std::string peer_public_key;
    std::string preshared_key; ///< a secret, or empty
    Endpoint endpoint;
    std::vector<std::string> allowed; ///< what is behind the peer, `ADDRESS/LENGTH`
    std::int64_t keepalive_s = 25;    ///< the first one asks for the handshake
    std::int64_t mtu = 1420;
    /// The carrier, of another type, that the outer packets leave by; empty: the Internet, which
    /// must be allowed below, since the tunnel is not a dedicated network then.
    std::string underlay;
    bool allow_internet_underlay = false;
    bool operator==(const WireguardInfo &) const = default;
};

/// `wwan`: a mobile network's private access point, by ModemManager.
struct WwanInfo {
    std::string apn;
    std::string user;             ///< or empty
    std::string password;         ///< a secret, or empty
    std::string pin;              ///< a secret: the SIM's, or empty
    std::string ip_type = "ipv4"; ///< ipv4, ipv6 or ipv4v6
    bool operator==(const WwanInfo &) const = default;
};

/// `command`: the site's own programs; which, terminal.toml says, and nothing here.
struct CommandInfo {
    bool operator==(const CommandInfo &) const = default;
};

/// In the order of CarrierType.
using Connection = std::variant<LinkInfo, PppInfo, WireguardInfo, WwanInfo, CommandInfo>;
[[nodiscard]] inline CarrierType type_of(const Connection &connection) {
    return static_cast<CarrierType>(connection.index());
}

/// What is wrong with one member.
struct Flaw {
    std::string_view member; ///< as JSON and control.toml call it
    std::string text;        ///< never holds a secret
};
/// The first thing that may not stand there, if any. Readers of JSON and of control.toml ask it.
[[nodiscard]] std::optional<Flaw> flaw(const Connection &connection);

/// The object that stands under the type's name.
[[nodiscard]] Json to_json(const Connection &connection);
[[nodiscard]] base::Result<Connection> read_connection(CarrierType type, ObjectReader in);

/// With "****" in place of every secret that is not empty: for people.
[[nodiscard]] Connection without_secrets(Connection connection);

} // namespace wire
