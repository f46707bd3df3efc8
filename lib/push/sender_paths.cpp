#include "push/sender_paths.hpp"

#include "seal/encoding.hpp"

#include <cstring>

namespace push {

using namespace std::chrono_literals;

namespace {

constexpr auto k_beat = 100ms;      // between signs of life
constexpr auto k_head_start = 1s;   // that the preferred path has at first
constexpr auto k_ack_margin = 80ms; // SRT acknowledges every 10 ms; then there are busy machines
constexpr auto k_margin = 200ms;    // on top of SRT's latency, for the relay to read what it has
constexpr auto k_to_relay = 100ms;  // the same, and on the way
constexpr auto k_srt_forgets = 1s;  // SRT drops what it could not deliver for so long

template <typename T> T random_number() {
    const auto bytes = seal::random_bytes(sizeof(T));
    T out{};
    std::memcpy(&out, bytes.data(), sizeof out);
    return out;
}

std::array<std::uint8_t, 8> random_instance() {
    std::array<std::uint8_t, 8> out{};
    std::ranges::copy(seal::random_bytes(out.size()), out.begin());
    return out;
}

/// Payloads of a second of @p rate; more of them when it is so low that they are not full.
std::size_t payloads_kept(base::BitRate rate) {
    return static_cast<std::size_t>(rate.bps / 8) / media::k_srt_payload_bytes + 128;
}

} // namespace

SenderPaths::SenderPaths(const base::Clock &clock) : SenderPaths(clock, random_instance()) {}

SenderPaths::SenderPaths(const base::Clock &clock, const std::array<std::uint8_t, 8> &instance)
    : m_clock(clock), m_paths{Path{clock, instance, 0}, Path{clock, instance, 1}},
      m_window(random_number<std::uint32_t>(), random_number<std::uint16_t>()) {}

void SenderPaths::aim(std::span<const wire::SenderPath> paths, PathUse use,
                      base::BitRate max_rate) {
    if (use != m_use)
        for (Path &path : m_paths) {
            path.link.aim(std::nullopt, max_rate);
            path.was_live = false;
        }
    m_use = use;
    m_window.limit(payloads_kept(max_rate));
    const std::size_t most = use == PathUse::single ? 1 : m_paths.size();
    std::vector<wire::SenderPath> wanted(paths.begin(), paths.end());
    if (wanted.size() > m_paths.size()) // those that are there come first
        std::ranges::stable_partition(wanted, &wire::SenderPath::fit);
    if (wanted.size() > most)
        wanted.resize(most);
    place(wanted, max_rate);
}

// A connection keeps its place for as long as its carrier is aimed at, whatever the preference.
void SenderPaths::place(std::span<const wire::SenderPath> paths, base::BitRate max_rate) {
    const std::size_t was_active = m_order[m_active];
    const std::size_t was_first = m_order.front();
    std::array<bool, 2> taken{};
    std::vector<std::size_t> order(paths.size(), m_paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i)
        for (std::size_t slot = 0; slot < m_paths.size(); ++slot)
            if (!taken.at(slot) && m_paths.at(slot).link.carrier() == paths[i].carrier) {
                order[i] = slot;
                taken.at(slot) = true;
                break;
            }
    for (std::size_t &slot : order)
        if (slot == m_paths.size()) {
            slot = taken[0] ? 1 : 0;
            taken.at(slot) = true;
        }
    for (std::size_t slot = 0; slot < m_paths.size(); ++slot)
        if (!taken.at(slot))
            m_paths.at(slot).link.aim(std::nullopt, max_rate);
    for (std::size_t i = 0; i < paths.size(); ++i) {
        Path &path = m_paths.at(order[i]);
        wire::SenderPath to = paths[i];
        path.fit = std::exchange(to.fit, true); // not a reason to make it anew
        if (path.link.path() != to)
            path.aimed_at = m_clock.steady();
        path.link.aim(to, max_rate);
    }
    if (order.empty())
        order.push_back(0);
    m_order = std::move(order);
    if (m_order.front() != was_first)
        m_paths.at(m_order.front()).failed = false; // somebody wants it now
    const auto still = std::ranges::find(m_order, was_active);
    m_active = still == m_order.end() ? 0 : static_cast<std::size_t>(still - m_order.begin());
}

bool SenderPaths::has(wire::SenderPath path) const {
    path.fit = true;
    return std::ranges::any_of(m_paths, [&](const Path &other) {
        return other.link.connected() && other.link.path() == path;
    });
}

bool SenderPaths::carries(const Path &path) const {
    return &path == &active() || (m_use == PathUse::redundant && path.link.connected());
}

PathView SenderPaths::view(const Path &path, base::SteadyTime now) const {
    PathView out;
    out.usable = path.link.connected() && path.fit;
    out.expected = !path.had_live && now - path.aimed_at < k_head_start;
    if (!path.sent.empty())
        out.waits_since = path.sent.front().at;
    out.answered = path.answered;
    const auto patience = path.link.round_trip() * 3 / 2 + k_ack_margin;
    out.patience = std::chrono::ceil<base::Millis>(patience);
    // A lost sign of life is noticed, and sent again, with the next one.
    if (path.media_to <= path.confirmed)
        out.patience += 2 * k_beat;
    out.fit = !path.failed ||
              (path.good_since != base::SteadyTime{} && now - path.good_since >= k_good_again);
    return out;
}

void SenderPaths::notice(Path &path, base::SteadyTime now) {
    path.link.turn();
    const bool live = path.link.connected();
    if (live && !path.was_live) {
        path.sent.clear();
        path.next = m_window.begin();
        path.confirmed = path.media_to = path.next;
        path.sent_at = {};
        path.answered = {};
    }
    if (!live && path.was_live)
        path.failed = true;
    path.was_live = live;
    path.had_live = path.had_live || live;
    if (path.link.state() != path.told)
        ++m_changes;
    path.told = path.link.state();
    if (live && m_use != PathUse::single)
        acknowledge(path, now);
    const PathView seen = view(path, now);
    if (!seen.usable || stalled(seen, now))
        path.good_since = {};
    else if (path.good_since == base::SteadyTime{})
        path.good_since = now;
}

void SenderPaths::acknowledge(Path &path, base::SteadyTime now) {
    const std::size_t waiting = path.link.unacknowledged();
    while (path.sent.size() > waiting) {
        const Sent &oldest = path.sent.front();
        // SRT lets go of what is too late, too: that is no answer.
        if (now - oldest.at <
            std::max<base::SteadyTime::duration>(k_srt_forgets, path.link.latency())) {
            path.answered = std::max(path.answered, oldest.at);
            path.confirmed = std::max(path.confirmed, oldest.next);
        }
        path.sent.pop_front();
    }
    m_confirmed = std::max(m_confirmed, path.confirmed);
}

// What was acknowledged waits at the relay for SRT's latency: a connection that is gone before
// takes that along.
void SenderPaths::forget(base::SteadyTime now) {
    const auto delivered = link().latency() + k_to_relay;
    while (m_window.size() > 0) {
        const auto age = now - m_window[m_window.begin()].at;
        if (age <= std::max<base::SteadyTime::duration>(k_srt_forgets, delivered) &&
            (m_window.begin() >= m_confirmed || age <= delivered))
            return;
        m_window.forget_before(m_window.begin() + 1);
    }
}

void SenderPaths::choose(base::SteadyTime now) {
    std::vector<PathView> views;
    views.reserve(m_order.size());
    for (const std::size_t slot : m_order)
        views.push_back(view(m_paths.at(slot), now));
    const std::size_t next = choose_path(views, m_active, now);
    if (next == m_active)
        return;
    if (active().link.connected() && (!active().fit || stalled(views[m_active], now)))
        active().failed = true;
    if (active().media_to > 0 && m_window.end() > 0)
        ++m_moves;
    ++m_changes;
    const std::uint64_t from = active().link.connected() ? m_confirmed : m_window.begin();
    m_active = next;
    active().failed = false;
    if (m_use == PathUse::failover)
        active().next = from;
}

void SenderPaths::turn(bool beat) {
    const base::SteadyTime now = m_clock.steady();
    for (const std::size_t slot : m_order)
        notice(m_paths.at(slot), now);
    if (m_use == PathUse::single)
        return;
    choose(now);
    forget(now);
    push_out(now);
    if (beat)
        this->beat(now);
}

void SenderPaths::push_out(base::SteadyTime now) {
    for (Path &path : m_paths)
        if (path.link.connected() && carries(path))
            push_out(path, now);
}

void SenderPaths::push_out(Path &path, base::SteadyTime now) {
    path.next = std::max(path.next, m_window.begin());
    while (path.next < m_window.end()) {
        const SentPayload &payload = m_window[path.next];
        if (!path.link.send(payload.message(), now - payload.at))
            return;
        path.sent.push_back({.next = ++path.next, .at = now});
        path.media_to = path.next;
        path.sent_at = now;
        path.meter.add(now, payload.size - media::k_rtp_header_bytes);
    }
}

// Each line is tried all the time, and one at once when the other is slow to answer: only a line
// that answered since is better.
void SenderPaths::beat(base::SteadyTime now) {
    std::optional<base::SteadyTime> doubt;
    if (const PathView seen = view(active(), now);
        seen.waits_since && now - *seen.waits_since > seen.patience / 2)
        doubt = seen.waits_since;
    for (Path &path : m_paths)
        if (path.link.connected() && (now - path.sent_at >= k_beat ||
                                      (doubt && &path != &active() && path.sent_at <= *doubt)))
            beat(path, now);
}

void SenderPaths::beat(Path &path, base::SteadyTime now) {
    // As old as the latency: it must not hold up what may have to be sent again behind it.
    if (!path.link.send(m_window.sign_of_life(now), path.link.latency()))
        return;
    path.sent.push_back({.next = path.confirmed, .at = now});
    path.sent_at = now;
}

base::Millis SenderPaths::patience() const {
    if (!connected())
        return link().state() == SenderLink::State::connecting ? 10ms : 50ms;
    const bool waits = std::ranges::any_of(m_paths, [](const Path &p) { return !p.sent.empty(); });
    return waits ? 20ms : 100ms;
}

bool SenderPaths::send(std::span<const std::uint8_t> payload) {
    if (m_use == PathUse::single) {
        const bool sent = active().link.send(payload);
        if (sent)
            active().meter.add(m_clock.steady(), payload.size());
        return sent;
    }
    if (!connected() || active().next < m_window.end())
        return false;
    const base::SteadyTime now = m_clock.steady();
    m_drained_since.reset();
    m_window.push(payload, now);
    push_out(now);
    return true;
}

bool SenderPaths::drained() const {
    if (m_use == PathUse::single || !connected())
        return link().drained();
    if (m_confirmed < m_window.end()) {
        m_drained_since.reset();
        return false;
    }
    const base::SteadyTime now = m_clock.steady();
    if (!m_drained_since)
        m_drained_since = now;
    return now - *m_drained_since >= link().latency() + k_margin;
}

} // namespace push
