// The readers of control.toml's parts. For config*.cpp only.
#pragma once

#include "control/config.hpp"

namespace control {

/// [limits], and how it is printed.
[[nodiscard]] base::Result<Limits> read_limits(const conf::Table &t);
[[nodiscard]] std::string print_limits(const Limits &limits);

[[nodiscard]] base::Result<conf::Address> read_address(const conf::Table &t, std::string_view key);

/// [policy], and [channels.NAME.policy] over it.
[[nodiscard]] base::Result<Policy> read_policy(const conf::Table &t);
[[nodiscard]] base::Result<ChannelPolicy> read_channel_policy(const conf::Table &t,
                                                              const ChannelPolicy &general);

/// [carriers.NAME], then [relays.NAME], then [channels.NAME]: each names those before it.
[[nodiscard]] base::Result<void> read_carrier(const conf::Table &t, const std::string &name,
                                              Config &c);
[[nodiscard]] std::string print_connection(const CarrierSite &site);
/// After all carriers: a tunnel's underlay is another carrier, and no tunnel.
[[nodiscard]] base::Result<void> check_underlays(const conf::Table &top, const Config &c);
[[nodiscard]] base::Result<void> read_relay(const conf::Table &t, const std::string &name,
                                            Config &c);
[[nodiscard]] base::Result<void> read_channel(const conf::Table &t, const std::string &name,
                                              Config &c);

/// [channels.NAME.fee] or [carriers.NAME.fee], the table `fee` of @p t, which may be absent.
[[nodiscard]] base::Result<std::optional<resv::Fee>> read_fee(const conf::Table &t,
                                                              const Config &c);
/// [maintenance.NAME], after all of these.
[[nodiscard]] base::Result<void> read_maintenance(const conf::Table &t, const std::string &name,
                                                  Config &c);

/// [calendar]; @p listen is where browsers find it otherwise.
[[nodiscard]] base::Result<CalendarRules> read_calendar(const conf::Table &t,
                                                        const conf::Address &listen);

/// [notify], with [notify.mail] and [notify.webhooks].
[[nodiscard]] base::Result<Notify> read_notify(const conf::Table &t);
[[nodiscard]] std::string print_notify(const Notify &notify);

/// [distributors.NAME].
[[nodiscard]] base::Result<void> read_distributor(const conf::Table &t, const std::string &name,
                                                  Config &c);

} // namespace control
