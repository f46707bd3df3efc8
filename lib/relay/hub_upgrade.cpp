// The relay becomes the program that stands in its file now, and no viewer notices. That program is
// tried beforehand, with the state as it is, while this one goes on: one that cannot go on with it
// costs nobody anything.
#include "base/log.hpp"
#include "relay/carry.hpp"
#include "relay/hub.hpp"
#include "relay/tls_terminator.hpp"

#include <utility>

namespace relay {

using base::Errc;
using base::Result;

namespace {
using namespace std::chrono_literals;
constexpr auto k_rehearsal_time = 10s;
constexpr auto k_parting_time = 3s; // with control
constexpr base::Millis k_disk_time{500};

void say_no(const base::Error &why) {
    base::log::error("upgrade: {}; going on as before{}{}", why.message,
                     why.hint.empty() ? "" : ": ", why.hint);
}
} // namespace

void Hub::begin_upgrade() {
    if (m_upgrade)
        return base::log::warning("an upgrade is under way");
    base::log::info("upgrade: trying {}", m_options.command.program.native());
    if (const auto begun = rehearse(); !begun)
        say_no(begun.error());
}

Hub::Handover Hub::present() const {
    Handover out;
    out.lock = m_lock->fd();
    out.spool_lock = m_spool ? m_spool->lock_fd() : -1;
    for (const Door &door : m_crew->doors)
        out.listeners.push_back({.door = door.admin            ? k_admin_door
                                         : door.tls != nullptr ? k_secure_door
                                                               : k_plain_door,
                                 .fd = door.listener.get()});
    for (const auto &worker : m_crew->workers)
        for (ConnectionState &state :
             worker->states([this](const Event &event) { return is_shown(event); }))
            out.connections.push_back(std::move(state));
    for (const auto &[id, live] : m_events)
        out.feed.entries.emplace(id, *live.event()->entry());
    return out;
}

// With all that there is now, which takes a moment, and then goes on.
Result<void> Hub::rehearse() {
    for (const auto &worker : m_crew->workers)
        worker->rest();
    if (m_srt_out)
        m_srt_out->look(m_events, m_clock.now());
    Carry state;
    Handover other = present();
    carry(state, other);
    for (const auto &worker : m_crew->workers)
        worker->go();
    TRY(state.finish());
    const base::Fd text = TRY(keep_state(state.text()));
    auto rehearsal =
        TRY(Rehearsal::start(m_options.command, text.get(), state.extent_descriptors()));
    m_upgrade.emplace(Upgrade{.rehearsal = std::move(rehearsal),
                              .until = std::chrono::steady_clock::now() + k_rehearsal_time});
    return {};
}

void Hub::tick_upgrade() {
    if (!m_upgrade)
        return;
    const auto now = std::chrono::steady_clock::now();
    if (m_upgrade->rehearsal) {
        const auto outcome = m_upgrade->rehearsal->outcome();
        if (outcome == Rehearsal::Outcome::running && now < m_upgrade->until)
            return;
        if (outcome != Rehearsal::Outcome::good) {
            const std::string why = outcome == Rehearsal::Outcome::running
                                        ? "it takes too long"
                                        : m_upgrade->rehearsal->why();
            m_upgrade.reset();
            return say_no({Errc::unavailable,
                           fmt::format("{}: {}", m_options.command.program.native(), why),
                           "its own words, if any, stand before this"});
        }
        // What cannot be handed over comes to its end.
        m_feed->stop();
        m_reporter->stop();
        m_upgrade->rehearsal.reset();
        m_upgrade->until = now + k_parting_time;
        return;
    }
    const bool written = !m_spool || m_spool->waiting_bytes() == 0;
    if ((written && m_feed->is_over() && m_reporter->is_over()) || now >= m_upgrade->until)
        hand_over();
}

// Comes back only when it fails, and then all goes on as before.
void Hub::hand_over() {
    Handover last;
    last.feed = m_feed->take_state();
    take_updates();
    last.left = m_reporter->take_left();
    const FeedState feed = last.feed;
    const Reporter::Left left = last.left;
    for (const auto &worker : m_crew->workers)
        worker->rest();
    const base::Error why = become_next(std::move(last));
    for (const auto &worker : m_crew->workers)
        worker->go();
    m_upgrade.reset();
    say_no(why);
    if (const auto again = start_conversations(feed, left); !again)
        base::log::error("{}; going on without control until a restart", again.error().message);
}

base::Error Hub::become_next(Handover other) {
    m_posters->abandon();
    std::ignore = m_keeper->drain(k_disk_time); // what is not written is handed over
    if (m_spool && !m_spool->drain(k_disk_time))
        return {Errc::try_again, "the disk is too slow, what is to be recorded waits for it",
                "try it again"};
    if (m_srt_out)
        m_srt_out->look(m_events, m_clock.now());
    Handover all = present();
    all.feed = std::move(other.feed);
    all.left = std::move(other.left);
    const bool has_secure = std::ranges::any_of(
        all.connections, [](const ConnectionState &c) { return c.secure != nullptr; });
    if (!has_secure)
        return become_next_with(all);
    const auto terminator = TlsTerminator::start(all.connections);
    if (!terminator)
        return terminator.error();
    m_terminators.emplace_back(terminator->pid);
    base::Error why = become_next_with(all);
    m_terminators.pop_back(); // ends it
    return why;
}

base::Error Hub::become_next_with(Handover &all) {
    Carry state;
    carry(state, all);
    if (const auto done = state.finish(); !done)
        return done.error();
    const auto text = keep_state(state.text());
    if (!text)
        return text.error();
    std::vector<int> fds = state.descriptors();
    fds.insert(fds.end(), state.extent_descriptors().begin(), state.extent_descriptors().end());
    return become(m_options.command, text->get(), fds);
}

} // namespace relay
