#include "control/config.hpp"

#include "conf/paths.hpp"
#include "control/config_parts.hpp"
#include "control/credentials.hpp"
#include "ledger/postgres.hpp"

namespace control {

using base::Errc;
using base::Millis;
using base::Result;
using base::Seconds;
using conf::Table;

namespace {

Result<void> check_name(const Table &t, std::string_view key, std::string_view name) {
    if (!wire::is_plain_name(name))
        return std::unexpected(
            t.error_at(key, fmt::format("'{}' is not a name (1 to 32 of A-Z a-z 0-9 - _)",
                                        name.substr(0, 40))));
    return {};
}

template <typename Read>
Result<void> read_each(const Table &top, const char *key, Config &c, Read read) {
    for (const auto &[name, table] : TRY(top.tables(key))) {
        TRY(check_name(top, key, name));
        TRY(read(table, name, c));
    }
    return {};
}

} // namespace

const ChannelPolicy &Config::policy_of(std::string_view channel) const {
    const auto found = channels.find(channel);
    return found == channels.end() ? policy : found->second;
}

Result<Config> read_control(const Table &top) {
    Config c;
    c.listen = TRY(read_address(top, "listen"));
    if (top.has("admin"))
        c.admin = TRY(read_address(top, "admin"));
    if (c.admin == c.listen)
        return std::unexpected(top.error_at("admin", "is the address of listen"));
    c.tls_certificate = TRY(top.string("tls_certificate"));
    c.tls_key = TRY(top.string("tls_key"));
    c.data = TRY(top.string_or("data", (conf::data_folder() / "control").native()));
    c.ledger = TRY(top.string_or("ledger", c.ledger));
    if (const auto good = c.on_postgres() ? ledger::check_postgres_uri(c.ledger) : Result<void>{};
        !good)
        return std::unexpected(top.error_at("ledger", good.error().message, good.error().hint));
    c.limits = TRY(read_limits(TRY(top.table_or_empty("limits"))));
    c.policy = TRY(read_policy(TRY(top.table_or_empty("policy"))));
    c.currency = TRY(top.string_or("currency", ""));
    if (!c.currency.empty() && !resv::is_currency(c.currency))
        return std::unexpected(top.error_at("currency", "is no code of ISO 4217, such as \"EUR\""));
    c.calendar = TRY(read_calendar(TRY(top.table_or_empty("calendar")), c.listen));
    TRY(read_each(top, "carriers", c, read_carrier));
    TRY(check_underlays(top, c));
    TRY(read_each(top, "relays", c, read_relay));
    TRY(read_each(top, "channels", c, read_channel));
    TRY(read_each(top, "maintenance", c, read_maintenance));
    TRY(read_each(top, "distributors", c, read_distributor));
    c.notify = TRY(read_notify(TRY(top.table_or_empty("notify"))));
    TRY(top.finish());
    return c;
}

Result<Config> load_control(const std::string &flag) {
    const auto path = conf::config_file(flag, "control.toml");
    Config config = TRY(read_control(TRY(Table::load(path))));
    config.file = path;
    TRY(read_credentials(config));
    return config;
}

} // namespace control
