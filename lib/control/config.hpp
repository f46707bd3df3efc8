// control.toml: what control serves and with which capacity. See control.toml(5).
#pragma once

#include "conf/address.hpp"
#include "conf/toml.hpp"
#include "control/limiter.hpp"
#include "net/http_limits.hpp"
#include "net/mail.hpp"
#include "net/networks.hpp"
#include "resv/catalogue.hpp"
#include "resv/fee.hpp"
#include "resv/quota.hpp"
#include "wire/settings.hpp"

#include <filesystem>

namespace control {

/// What a channel asks of its reservations: [policy], or the channel's own.
struct ChannelPolicy {
    base::Seconds lead_in{10};
    base::Seconds drain{10};
    base::Millis grace{600'000}; ///< without media for so long after the start: a no-show
    base::Millis grid{0};        ///< of starts, from 00:00 UTC on; 0: any
    base::Millis min_duration{60'000};
    base::Millis max_duration{86'400'000};
    base::Millis horizon{366LL * 86'400'000};
};

struct Policy : ChannelPolicy {
    base::Millis hold{300'000};
    base::Millis preflight{300'000};    ///< how long a preflight ticket is valid
    std::int64_t max_series = 100;      ///< reservations of one series
    base::Millis retention{86'400'000}; ///< how long relays keep an event after its end
};

/// Where a relay is; its capacity is in the catalogue.
struct RelaySite {
    std::string public_url; ///< viewers' side, without a trailing slash
    std::map<std::string, conf::Address, std::less<>> ingest; ///< by carrier; the echo is port + 1
    base::Millis latency{120};                                ///< SRT's
};

/// How control gives distributors accounts at a carrier, see accounts.hpp.
struct AccountRules {
    std::vector<net::Network> pool; ///< of addresses: one network of a family at most
    std::int64_t generation = 1;    ///< another one makes all accounts of the carrier anew
};

/// How a carrier's lines are reached. Secrets stand in files of their own.
struct CarrierSite {
    wire::Connection connection; ///< its secrets are empty until read_credentials()
    std::filesystem::path password_file, pin_file, private_key_file, preshared_key_file;
    /// Each distributor has an account of its own. Nothing: there is one for all, in those files.
    std::optional<AccountRules> accounts;

    [[nodiscard]] wire::CarrierType type() const { return wire::type_of(connection); }
};

/// The server that takes our mail: [notify.mail].
struct MailSite {
    std::string host; ///< a name or an IP literal
    std::uint16_t port = 587;
    net::MailTls tls = net::MailTls::starttls;
    std::filesystem::path cacert; ///< empty: the system's authorities
    std::string from;             ///< a mailbox
    std::string user;             ///< empty: without authentication
    std::filesystem::path password_file;
};

/// [notify.webhooks].
struct WebhookSite {
    std::filesystem::path cacert;    ///< empty: the system's authorities
    std::vector<net::Network> allow; ///< beside public addresses
};

/// How others are told of reservations: [notify].
struct Notify {
    std::optional<MailSite> mail;
    std::optional<WebhookSite> webhooks;
    base::Millis keep_trying{86'400'000};
};

/// A time during which there is less of something: a load that nobody owns.
struct Maintenance {
    std::string resource; ///< as it is written: "channel:one", "relay:r1:egress" …
    resv::Span span;
    std::optional<std::int64_t> units; ///< of its only resource; none: all of all of them
    std::vector<resv::Load> loads;     ///< what that comes to
};

/// Who sees the calendar, and for how long.
struct CalendarRules {
    bool open = false; ///< free and busy for everybody, without a login
    base::Millis session{28'800'000};
    std::int64_t listeners = 64; ///< at one time; each keeps a connection
    std::string url;             ///< where browsers find control, https://host[:port]
};

/// What control takes of its clients.
struct Limits {
    net::HttpLimits http;
    base::Millis stop{10'000}; ///< for what was accepted, when control ends
    Allowance per_key{.per_second = 100, .at_once = 500};
    Allowance per_address{.per_second = 20,
                          .at_once = 200}; ///< of requests without a good signature
};

struct Config {
    std::filesystem::path file; ///< where it was read from
    conf::Address listen;
    std::optional<conf::Address> admin; ///< for monitors, without TLS
    std::filesystem::path tls_certificate;
    std::filesystem::path tls_key;
    std::filesystem::path data;
    std::string ledger = "sqlite"; ///< or the URI of a PostgreSQL database, without a password
    Limits limits;
    Policy policy;
    resv::Catalogue catalogue; ///< the same names as in the maps below
    std::map<std::string, RelaySite, std::less<>> relays;
    std::map<std::string, CarrierSite, std::less<>> carriers;
    std::map<std::string, ChannelPolicy, std::less<>> channels;
    std::map<std::string, Maintenance, std::less<>> maintenance;
    std::map<std::string, resv::Quota, std::less<>> distributors;
    CalendarRules calendar;
    Notify notify;
    std::string currency; ///< of all fees; empty: nothing costs anything
    std::map<std::string, resv::Fee, std::less<>> channel_fees;
    std::map<std::string, resv::Fee, std::less<>> carrier_fees;

    /// Of a channel that is no longer there: the general one.
    [[nodiscard]] const ChannelPolicy &policy_of(std::string_view channel) const;
    [[nodiscard]] bool on_postgres() const { return ledger != "sqlite"; }
    /// The ledger when it is SQLite's.
    [[nodiscard]] std::filesystem::path ledger_file() const { return data / "ledger.sqlite"; }
};

/// Reads and judges @p top. config: a missing or unknown key, a wrong unit, a name that leads
/// nowhere, an ingest address that is control's or on the viewers' side; file, line and key named.
[[nodiscard]] base::Result<Config> read_control(const conf::Table &top);

/// The file of --config (@p flag), `$SLOTCAST_CONFIG` or /etc/slotcast/control.toml.
[[nodiscard]] base::Result<Config> load_control(const std::string &flag);

/// The configuration in force as TOML that read_control reads back.
[[nodiscard]] std::string print_control(const Config &config);

/// The host of an http:// or https:// URL, canonical when it is an IP literal; empty when
/// malformed.
[[nodiscard]] std::string url_host(std::string_view url);

} // namespace control
