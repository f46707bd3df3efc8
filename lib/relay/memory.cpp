#include "relay/memory.hpp"

#include "seal/encoding.hpp"
#include "seal/hash.hpp"

#include <algorithm>
#include <unistd.h>

namespace relay {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t k_share = 4; // of the machine's memory
// Of one event: a minute at the reserved rate, and 64 MiB at least, for bursts.
constexpr base::Seconds k_least_time = 60s;
constexpr std::int64_t k_least_store = std::int64_t{64} << 20;

std::string make_tag() {
    return seal::to_hex(seal::random_bytes(3));
}

} // namespace

std::int64_t memory_budget(const RelayConfig &config) {
    if (config.memory > 0)
        return config.memory;
    return ::sysconf(_SC_PHYS_PAGES) / k_share * ::sysconf(_SC_PAGESIZE);
}

Store::Options store_options(const RelayConfig &config, const wire::FeedEntry &entry,
                             const base::ControlClock &clock, Spool *spool,
                             const RecordingPtr &recording) {
    const auto since = (clock.now() - entry.window.opens()).count() / 1000;
    const auto dvr = std::chrono::ceil<base::Seconds>(config.dvr);
    const std::int64_t budget = memory_budget(config);
    // Twice the window: who has the playlist may come for its segments for as long as it lasts.
    const auto in_memory = k_least_time + (recording ? 0s : 2 * dvr);
    const std::int64_t wanted = entry.max_rate.bps / 8 * in_memory.count();
    const std::int64_t next = recording ? recording->next_sequence() : 0;
    return {.segments = {.first_sequence = next > 0 ? next : std::max<std::int64_t>(0, since),
                         .window = config.segments,
                         .window_ticks = dvr.count() * k_ticks_per_second,
                         .utc_ms =
                             [&clock](std::int64_t received_us) {
                                 return received_us / 1000 + clock.offset().count();
                             }},
            .tag = make_tag(),
            .max_bytes = std::clamp(wanted, std::min(k_least_store, budget), budget),
            .spool = recording ? spool : nullptr,
            .recording = recording};
}

bool keep_within(std::int64_t budget, const std::vector<LiveEvent *> &events) {
    std::int64_t over = -budget;
    for (const LiveEvent *event : events)
        over += event->bytes_kept();
    if (over <= 0)
        return false;
    std::vector<LiveEvent *> order = events;
    std::ranges::sort(order, [](const LiveEvent *a, const LiveEvent *b) {
        if (a->ended() != b->ended())
            return a->ended();
        if (a->ended())
            return a->event()->entry()->window.closes() < b->event()->entry()->window.closes();
        return a->bytes_kept() > b->bytes_kept();
    });
    bool changed = false;
    for (LiveEvent *event : order) {
        if (over <= 0)
            break;
        const std::int64_t before = event->bytes_kept();
        if (before == 0)
            continue;
        event->keep_at_most(event->ended() ? 0 : std::max<std::int64_t>(0, before - over));
        over -= before - event->bytes_kept();
        changed = changed || event->bytes_kept() != before;
    }
    return changed;
}

} // namespace relay
