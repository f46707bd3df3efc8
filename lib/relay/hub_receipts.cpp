// The hub's side of receipts: figures are kept while an event lasts, and signed when it is over.
#include "base/log.hpp"
#include "relay/hub.hpp"
#include "relay/receipt_files.hpp"

namespace relay {

using base::Errc;
using base::Result;

namespace {
using namespace std::chrono_literals;
constexpr auto k_kept_every = 5s;
constexpr std::size_t k_max_tallies = std::size_t{16} << 20;
} // namespace

// What an earlier run of this relay left: figures of events that go on.
Result<void> Hub::load_tallies() {
    vault::Folder folder = TRY(vault::Folder::open(m_config.data, vault::Access::write));
    const auto text = folder.read(k_tallies_file, k_max_tallies);
    auto tallies = text ? Tallies::read(*text, m_config.id) : std::unexpected(text.error());
    if (tallies)
        m_tallies = *std::move(tallies);
    else if (tallies.error().code != Errc::no_input)
        base::log::warning("{}: {}; receipts will count from now on",
                           folder.shown(k_tallies_file).native(), tallies.error().message);
    return {};
}

void Hub::keep_tallies() {
    m_keeper->write(k_tallies_file, m_tallies.text(m_config.id));
}

void Hub::tick_receipts(base::UtcTime now, base::SteadyTime steady) {
    const auto open = m_tallies.open();
    for (const base::Id &id : open) {
        const LiveEvent *live = find(id);
        if (live != nullptr)
            m_tallies.count(id, *live->event(), now);
        if (live != nullptr && live->ended())
            give_receipt(id, std::min(now, live->event()->entry()->window.closes()));
        if (live == nullptr && m_heard)
            give_receipt(id, now);
    }
    for (const base::Id &id : m_tallies.all())
        if (m_heard && find(id) == nullptr) // before that the feed may be what is missing
            m_tallies.forget(id);
    if (!open.empty() && steady - m_tallies_kept >= k_kept_every) {
        m_tallies_kept = steady;
        keep_tallies();
    }
}

void Hub::give_receipt(const base::Id &reservation, base::UtcTime at) {
    const auto receipt = m_tallies.end(reservation, at, m_config.id);
    if (!receipt)
        return;
    const auto signed_one = wire::sign(*receipt, m_keys.sign);
    const wire::Json json = wire::to_json(signed_one);
    // In this order: a relay that is killed between them makes the receipt again.
    m_keeper->write(file_name(*receipt), wire::compact_json(json) + "\n");
    keep_tallies();
    m_reporter->add(signed_one);
    record("receipt", {{"receipt", json}});
    base::log::info("receipt reservation={} bytes_in={} bytes_out={} gaps={} peak_viewers={}",
                    reservation.text(), receipt->bytes_in, receipt->bytes_out, receipt->gaps,
                    receipt->peak_viewers);
}

} // namespace relay
