#include "vault/next.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <poll.h>
#include <sys/inotify.h>

namespace vault {

using base::fail_errno;
using base::Fd;
using base::Millis;
using base::Result;
using base::UtcTime;
using namespace std::chrono_literals;

namespace {

// The wall clock may be stepped while we wait for one of its times.
constexpr Millis k_longest_wait = 10s;

// How long until an event of the list comes within reach, at most k_longest_wait.
Millis until_next(const std::vector<Summary> &events, UtcTime now, Millis within) {
    Millis wait = k_longest_wait;
    for (const Summary &e : events)
        if (e.window.start - within > now)
            wait = std::min(wait, e.window.start - within - now);
    return wait;
}

void drain(int fd) {
    alignas(inotify_event) std::array<char, 4096> ignored; // NOLINT(*-member-init): filled by read
    while (::read(fd, ignored.data(), ignored.size()) > 0) {
    }
}

} // namespace

std::optional<Summary> next_event(const std::vector<Summary> &events, UtcTime now,
                                  std::optional<Millis> within) {
    const auto found = std::ranges::find_if(events, [&](const Summary &e) {
        return e.window.end > now && (!within || e.window.start - now <= *within);
    });
    return found == events.end() ? std::nullopt : std::optional{*found};
}

Result<std::optional<Summary>> find_next(const Vault &vault, const base::Clock &clock,
                                         std::optional<Millis> within) {
    const Listing listing = TRY(vault.list());
    for (const base::Error &e : listing.damaged)
        base::log::warning("{}", e.message);
    return next_event(listing.documents, clock.now(), within);
}

Result<std::optional<Summary>> wait_for_next(const Vault &vault, const base::Clock &clock,
                                             std::optional<Millis> within, int stop_fd) {
    const Fd watch{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    const auto folder = vault.folder() / "settings";
    if (!watch || ::inotify_add_watch(watch.get(), folder.c_str(),
                                      IN_MOVED_TO | IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW) < 0)
        return fail_errno("watch", folder.native());
    bool warned = false;
    for (;;) {
        const Listing listing = TRY(vault.list());
        for (const base::Error &e : listing.damaged)
            if (!warned)
                base::log::warning("{}", e.message);
        warned = true;
        const UtcTime now = clock.now();
        if (auto event = next_event(listing.documents, now, within))
            return event;
        const Millis wait = until_next(listing.documents, now, within.value_or(0ms));
        std::array<pollfd, 2> ready{{{watch.get(), POLLIN, 0}, {stop_fd, POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), static_cast<int>(wait.count()) + 1) < 0 &&
            errno != EINTR)
            return fail_errno("wait for", "the vault");
        if (ready[1].revents != 0)
            return std::optional<Summary>{};
        drain(watch.get());
    }
}

} // namespace vault
