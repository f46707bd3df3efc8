// The lines of carriers: connected before routes lead into them, disconnected with their last user.
#include "carrier/connector.hpp"

#include "base/log.hpp"
#include "carrier/line_files.hpp"

#include <algorithm>
#include <ctime>
#include <poll.h>
#include <utility>

namespace carrier {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

namespace {

constexpr base::Millis k_look{50};
constexpr base::Millis k_between_starts = 1s;
constexpr base::Millis k_between_starts_at_most = 10s;

/// An access side that refuses must not be asked all the time, nor be waited for when it is back.
base::Millis between_starts(std::int64_t tries) {
    base::Millis out = k_between_starts;
    for (; tries > 1 && out < k_between_starts_at_most; --tries)
        out *= 2;
    return std::min(out, k_between_starts_at_most);
}

/// Since boot: what is stored of it means the same to the next process, but not after a reboot,
/// which takes the state with it.
base::Millis boot_clock() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::duration_cast<base::Millis>(std::chrono::seconds{now.tv_sec} +
                                                    std::chrono::nanoseconds{now.tv_nsec});
}

} // namespace

/// Begins to connect the line of @p state, whose file says what it then owns.
Result<void> Connector::start_line(CarrierState &state, const Choice &choice) {
    const LineDriver *driver = find_driver(state.owned.driver);
    LineWorld world{m_kernel, m_folder.path()};
    const std::int64_t tries = state.owned.tries + 1;
    const Keep keep = [&](const Owned &owned) {
        state.owned = owned;
        state.owned.driver = choice.driver;
        state.owned.since_ms = boot_clock().count();
        state.owned.tries = tries;
        return m_folder.store(state);
    };
    return driver->start(world, choice, CarrierState{state}, keep);
}

/// Until the line is there, its driver gives up, or nobody wants to wait any longer.
Result<void> Connector::watch_line(const CarrierState &state, const Choice &choice,
                                   const UpHow &how) {
    const LineDriver *driver = find_driver(state.owned.driver);
    LineWorld world{m_kernel, m_folder.path()};
    for (base::Millis waited{0};; waited += k_look) {
        const LineLook now = TRY(driver->look(world, state));
        if (now.progress == LineProgress::there)
            return {};
        if (now.progress == LineProgress::absent)
            return base::fail_hint(Errc::unavailable,
                                   now.hint.empty() ? "carrier-connect -v up tells more" : now.hint,
                                   "carrier {}: the line does not come up: {}", choice.name,
                                   now.why.empty() ? "no cause is known" : now.why);
        if (waited >= driver->patience())
            return base::fail_hint(Errc::unavailable, "see whether the access side answers at all",
                                   "carrier {}: the line is not up after {}", choice.name,
                                   base::format_duration(driver->patience()));
        pollfd stop{how.stop_fd, POLLIN, 0};
        if (::poll(&stop, 1, static_cast<int>(k_look.count())) > 0 ||
            (how.stopped && how.stopped()))
            return base::fail(Errc::try_again, "stopped by a signal");
    }
}

/// The same without the lock: it may take a minute, and what others hold up meanwhile needs care.
Result<void> Connector::wait_line(Attempt &attempt, const Choice &choice, const UpHow &how) {
    Carriers &carriers = attempt.out.carriers;
    const CarrierState begun = carriers.at(choice.name);
    attempt.lock.reset();
    const auto there = watch_line(begun, choice, how);
    attempt.lock.emplace(TRY(m_folder.lock(k_lock_wait_ms)));
    carriers = TRY(m_folder.load());
    const Use *use = use_of(carriers, choice.name, attempt.reservation);
    if (use == nullptr || (use->leaving && !begun.uses.at(attempt.reservation).leaving))
        return base::fail(Errc::refused, "carrier {}: it was taken down while its line came up",
                          choice.name);
    return there;
}

/// The line of @p closed, connected unless it is; rules and guard stand before it does.
Result<void> Connector::bring_line(Attempt &attempt, const CarrierState &closed,
                                   const Choice &choice, const UpHow &how) {
    Outcome &out = attempt.out;
    const LineDriver *driver = find_driver(choice.driver);
    LineWorld world{m_kernel, m_folder.path()};
    const LineLook before = TRY(driver->look(world, closed));
    if (before.progress == LineProgress::there)
        return {};
    route::State kernel = TRY(m_kernel.read(how.dry_run));
    TRY(advance(out, closed, kernel, how.dry_run));
    if (before.progress == LineProgress::absent) {
        out.line_at = out.plan.size();
        out.line = driver->plan_start(choice);
        if (how.dry_run)
            return {};
        CarrierState &state = out.carriers.at(choice.name);
        state.owned.tries = 0; // somebody asks for it
        TRY(start_line(state, choice));
    }
    return wait_line(attempt, choice, how);
}

Result<void> Connector::end_line(const CarrierState &state) {
    const LineDriver *driver = find_driver(state.owned.driver);
    LineWorld world{m_kernel, m_folder.path()};
    if (driver == nullptr || driver->is_there_already())
        return {};
    TRY(driver->stop(world, state));
    return remove_half_written(world.folder, state.name);
}

/// Ends the line, then forgets the carrier.
Result<void> Connector::forget(const CarrierState &state) {
    TRY(end_line(state));
    return m_folder.remove(state.name);
}

/// True when the line is there, and held for the tunnel over it.
Result<bool> Connector::tend_below(const wire::Settings &settings, const Choice &below,
                                   std::uint32_t media_uid) {
    TRY(tend(settings, below, media_uid));
    const Carriers carriers = TRY(m_folder.load());
    if (use_of(carriers, below.name, settings.reservation) == nullptr) {
        TRY(up(settings, below, media_uid,
               {.probe = false, .stop_fd = -1, .spare = true, .below = true}));
        return true;
    }
    LineWorld world{m_kernel, m_folder.path()};
    const LineLook now = TRY(find_driver(below.driver)->look(world, carriers.at(below.name)));
    return now.progress == LineProgress::there;
}

Result<void> Connector::tend(const wire::Settings &settings, const Choice &choice,
                             std::uint32_t media_uid) {
    for (const Choice &below : choice.below)
        if (!TRY(tend_below(settings, below, media_uid)))
            return {};
    const LineDriver *driver = find_driver(choice.driver);
    if (driver->is_there_already())
        return {};
    const auto lock = TRY(m_folder.lock(0));
    Outcome out;
    out.carriers = TRY(m_folder.load());
    CarrierState state = TRY(closed_state(out.carriers, settings, choice, media_uid));
    LineWorld world{m_kernel, m_folder.path()};
    const LineLook now = TRY(driver->look(world, state));
    if (const auto known = out.carriers.find(choice.name);
        now.progress == LineProgress::there && known != out.carriers.end() &&
        std::exchange(known->second.owned.tries, 0) != 0)
        return m_folder.store(known->second);
    const base::Millis since = boot_clock() - base::Millis{state.owned.since_ms};
    if (now.progress != LineProgress::absent ||
        (state.owned.since_ms != 0 && since < between_starts(state.owned.tries)))
        return {};
    if (state.owned.since_ms != 0)
        base::log::warning("carrier {}: the line is gone{}; connecting it again", choice.name,
                           now.why.empty() ? "" : ": " + now.why);
    route::State kernel = TRY(m_kernel.read());
    TRY(advance(out, state, kernel, false));
    return start_line(out.carriers.at(choice.name), choice);
}

} // namespace carrier
