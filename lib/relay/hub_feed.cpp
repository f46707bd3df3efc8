// The hub's side towards control: the threads that speak with it, and what the feed says.
#include "relay/hub.hpp"
#include "relay/receipt_files.hpp"

#include <sys/eventfd.h>

namespace relay {

using base::Result;

namespace {

wire::IngestAdmit admit_message(const wire::FeedEntry &e) {
    return {.reservation = e.reservation,
            .channel = e.channel,
            .window = e.window,
            .generation = e.generation,
            .max_rate = e.max_rate};
}

} // namespace

// With control, each in a thread of its own.
Result<void> Hub::start_conversations(FeedState state, Reporter::Left left) {
    if (!m_updated)
        m_updated = base::Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!m_updated)
        return base::fail_errno("open", "eventfd");
    vault::Folder folder = TRY(vault::Folder::open(m_config.data, vault::Access::write));
    if (!m_keeper)
        m_keeper =
            std::make_unique<Keeper>(TRY(vault::Folder::open(m_config.data, vault::Access::write)));
    m_reporter =
        std::make_unique<Reporter>(m_config, m_keys, m_metrics, [this](const wire::Receipt &done) {
            m_keeper->remove(file_name(done));
        });
    for (wire::Report &report : left.reports)
        m_reporter->add(std::move(report));
    for (const wire::SignedReceipt &receipt : left.receipts)
        m_reporter->add(receipt);
    m_metrics.feed_serial = state.serial;
    m_feed = std::make_unique<FeedClient>(m_config, m_keys, std::move(folder), std::move(state),
                                          m_metrics, [this](FeedClient::Update update) {
                                              {
                                                  const std::lock_guard lock(m_mutex);
                                                  m_updates.push_back(std::move(update));
                                              }
                                              const std::uint64_t one = 1;
                                              [[maybe_unused]] const ssize_t n =
                                                  ::write(m_updated.get(), &one, sizeof one);
                                          });
    return {};
}

void Hub::take_updates() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(m_updated.get(), &count, sizeof count);
    std::vector<FeedClient::Update> updates;
    {
        const std::lock_guard lock(m_mutex);
        updates.swap(m_updates);
    }
    for (const auto &update : updates) {
        m_heard = true;
        m_clock.set_offset(update.clock_offset);
        tell_children(wire::IngestClock{.offset_ms = update.clock_offset.count()});
        for (const wire::FeedEntry &entry : update.entries)
            apply(entry);
        if (!update.entries.empty())
            rebuild_board();
    }
}

void Hub::apply(const wire::FeedEntry &entry) {
    const auto now = m_clock.now();
    // Ended by its owner, its window's end was moved: until end + drain publishers may deliver.
    const bool valid = entry.state == resv::State::booked || entry.state == resv::State::active ||
                       entry.state == resv::State::ended;
    const bool open = valid && now < entry.window.closes() && entry.window.start < entry.window.end;
    const bool shown = valid && now < forgotten_at(entry);
    LiveEvent *live = find(entry.reservation);
    if (live != nullptr && live->ended() && open && entry.state != resv::State::ended)
        live->reopen(entry, options_for(entry));
    else if (live != nullptr)
        live->event()->set_entry(entry);
    else if (shown)
        m_events.try_emplace(entry.reservation, entry, options_for(entry));
    if (live != nullptr)
        keep_recording(*live);
    if (open) {
        m_admitted.insert_or_assign(entry.reservation, entry);
        tell_children(admit_message(entry));
        return;
    }
    withdraw(entry.reservation, resv::name(entry.state));
    if (live = find(entry.reservation); live != nullptr) {
        live->end(!shown);
        tell_news(entry.reservation, *live);
        m_new_media = true;
    }
}

void Hub::apply_all(const FeedState &state) {
    for (const auto &[id, entry] : state.entries)
        apply(entry);
    rebuild_board();
}

void Hub::tell_children(const wire::IngestMessage &message) {
    for (const auto &ingest : m_ingest) {
        std::optional<Intake> &intake = ingest->intake;
        if (!intake)
            continue;
        if (const auto *admit = std::get_if<wire::IngestAdmit>(&message))
            intake->admit(admit->reservation);
        if (const auto *gone = std::get_if<wire::IngestWithdraw>(&message))
            intake->withdraw(gone->reservation);
        intake->outbox.push_back({.message = message, .extent = {}});
    }
}

void Hub::withdraw(const base::Id &reservation, std::string_view reason) {
    if (m_admitted.erase(reservation) == 0)
        return;
    tell_children(wire::IngestWithdraw{.reservation = reservation, .reason = std::string(reason)});
    m_once_done = m_options.once; // this event has ended
}

void Hub::rebuild_board() {
    Board::Events events;
    for (const auto &[id, live] : m_events)
        events[live.event()->entry()->vid] = live.event();
    m_board.set(std::move(events));
}

} // namespace relay
