#include "carrier/users.hpp"

#include "conf/paths.hpp"

#include <array>
#include <charconv>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Result;

namespace {

constexpr const char *k_media_user = "slotcast-media";
constexpr int k_max_groups = 1024;

Identity identity_of(uid_t uid, gid_t gid, const passwd *entry) {
    Identity out{.uid = uid, .gid = gid, .groups = {}, .name = {}, .home = {}};
    if (entry != nullptr) {
        out.name = entry->pw_name;
        out.home = entry->pw_dir;
    }
    return out;
}

std::optional<std::uint32_t> number_in(const char *variable) {
    const auto text = conf::environment(variable);
    if (!text)
        return std::nullopt;
    std::uint32_t value = 0;
    const auto [end, err] = std::from_chars(text->data(), text->data() + text->size(), value);
    const bool whole = err == std::errc{} && end == text->data() + text->size();
    return whole ? std::optional{value} : std::nullopt;
}

} // namespace

Result<Identity> media_user(const conf::TerminalConfig &config) {
    if (config.media_uid != 0) {
        const passwd *entry =
            ::getpwuid(config.media_uid); // NOLINT(concurrency-mt-unsafe): one thread
        const gid_t gid = entry != nullptr ? entry->pw_gid : config.media_uid;
        return identity_of(config.media_uid, gid, entry);
    }
    const passwd *entry = ::getpwnam(k_media_user); // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr || entry->pw_uid == 0)
        return base::fail_hint(Errc::config,
                               fmt::format("adduser --system --group {}, or media_uid = … in {}",
                                           k_media_user, config.file.native()),
                               "there is no user to send media as: no {}, and no media_uid",
                               k_media_user);
    return identity_of(entry->pw_uid, entry->pw_gid, entry);
}

Result<std::optional<Identity>> invoking_user() {
    const auto uid = number_in("SUDO_UID");
    const auto gid = number_in("SUDO_GID");
    if (::geteuid() != 0 || !uid || !gid || *uid == 0)
        return std::optional<Identity>{};
    const passwd *entry = ::getpwuid(*uid); // NOLINT(concurrency-mt-unsafe): one thread
    Identity out = identity_of(*uid, *gid, entry);
    out.groups = {*gid};
    if (entry != nullptr) {
        int count = k_max_groups;
        out.groups.resize(static_cast<std::size_t>(count));
        if (::getgrouplist(entry->pw_name, *gid, out.groups.data(), &count) < 0)
            return base::fail(Errc::config, "user {}: member of more than {} groups",
                              entry->pw_name, k_max_groups);
        out.groups.resize(static_cast<std::size_t>(count));
    }
    return std::optional{std::move(out)};
}

namespace {

Result<bool> effective(unsigned capability) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0)
        return base::fail_errno("look at", "capabilities");
    return (data[capability / 32].effective & (1U << (capability % 32))) != 0;
}

} // namespace

Result<void> require_privilege(bool to_switch_user) {
    if (!TRY(effective(CAP_NET_ADMIN)))
        return base::fail_hint(
            Errc::not_permitted, "run it with sudo",
            "carriers change the machine's routing: needs root or CAP_NET_ADMIN");
    if (to_switch_user && !(TRY(effective(CAP_SETUID)) && TRY(effective(CAP_SETGID))))
        return base::fail_hint(Errc::not_permitted, "run it with sudo",
                               "the sender runs as its own user: needs root or CAP_SETUID and "
                               "CAP_SETGID");
    return {};
}

Result<void> require_isolation_privilege() {
    if (TRY(effective(CAP_SYS_ADMIN)))
        return {};
    return base::fail_hint(Errc::not_permitted, "run it with sudo",
                           "the sender gets a network namespace: needs root or CAP_SYS_ADMIN");
}

} // namespace carrier
