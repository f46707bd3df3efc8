// Who we are, who called us, and who sends media.
#pragma once

#include "conf/terminal.hpp"

#include <sys/types.h>

namespace carrier {

/// A user to become, looked up before fork(2).
struct Identity {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    std::string name; ///< empty when the uid has none
    std::string home;
};

/// terminal.toml's media_uid, else the user slotcast-media, with no groups but its own.
[[nodiscard]] base::Result<Identity> media_user(const conf::TerminalConfig &config);

/// The user who ran sudo (SUDO_UID, SUDO_GID) when we are root by it; nothing: stay who we are.
[[nodiscard]] base::Result<std::optional<Identity>> invoking_user();

/// not_permitted, with the remedy, without CAP_NET_ADMIN in effect; @p to_switch_user: nor without
/// CAP_SETUID and CAP_SETGID.
[[nodiscard]] base::Result<void> require_privilege(bool to_switch_user);
/// The same without CAP_SYS_ADMIN: to make a network namespace.
[[nodiscard]] base::Result<void> require_isolation_privilege();

} // namespace carrier
