// The hub's side of the spool: what is recorded, until when, and what is told of it.
#include "base/log.hpp"
#include "relay/hub.hpp"
#include "relay/memory.hpp"

namespace relay {

namespace {
using namespace std::chrono_literals;
constexpr auto k_sweep_gap = 10min;
constexpr base::Millis k_patience = 5s; // at the end, with a disk that is slow
} // namespace

Store::Options Hub::options_for(const wire::FeedEntry &entry) {
    if (!m_spool)
        return store_options(m_config, entry, m_clock);
    LiveEvent *const live = find(entry.reservation);
    const RecordingPtr recording =
        live != nullptr ? live->event()->recording() : m_spool->recording(entry.reservation);
    if (recording)
        recording->keep_until(forgotten_at(entry));
    return store_options(m_config, entry, m_clock, m_spool.get(), recording);
}

// The feed may have moved the end, or the retention.
void Hub::keep_recording(const LiveEvent &live) {
    const RecordingPtr &recording = live.event()->recording();
    const auto until = forgotten_at(*live.event()->entry());
    if (!recording || recording->keep_until() == until)
        return;
    recording->keep_until(until);
    m_spool->keep(recording);
}

void Hub::tick_spool(base::SteadyTime now) {
    if (!m_spool)
        return;
    m_metrics.recordings_failing = m_spool->failing();
    m_metrics.spool_waiting = m_spool->waiting_bytes();
    for (const Spool::News &news : m_spool->take_news()) {
        if (news.error.empty())
            record("recording_back", {{"reservation", news.reservation.text()}});
        else
            record("recording_failed",
                   {{"reservation", news.reservation.text()}, {"reason", news.error}});
    }
    if (m_swept && now - *m_swept < k_sweep_gap)
        return;
    m_swept = now;
    std::set<base::Id> known;
    for (const auto &[id, live] : m_events)
        known.insert(id);
    m_spool->sweep(std::move(known), m_clock.now());
}

void Hub::close_recordings() {
    if (!m_spool)
        return;
    for (auto &[id, live] : m_events)
        live.close();
    m_spool->drain(k_patience);
}

} // namespace relay
