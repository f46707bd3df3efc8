// Who may publish at an ingest address: pure rules, decided offline from the ticket and from what
// the feed said of its reservation.
#pragma once

#include "base/control_clock.hpp"
#include "seal/ticket.hpp"
#include "wire/ingest.hpp"
#include "wire/ingest_refusal.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace relay {

/// A publisher instance counts as present this long after its last packet.
inline constexpr std::chrono::seconds k_busy_for{2};

/// A preflight ends this long after it began. Its ticket may be shown again.
inline constexpr std::chrono::seconds k_preflight_session{60};

/// One publisher that is connected. Made by the main thread, which alone writes `delivered`; read
/// by libsrt's thread too.
struct LiveSession {
    std::int64_t stream = 0;
    std::uint32_t generation = 0;
    std::array<std::uint8_t, 8> instance{}; ///< zero: a bare ticket, so nobody knows which
    unsigned path = 0;
    std::atomic<base::SteadyTime> delivered; ///< when its last packet came
    base::SteadyTime begun{};
    std::optional<base::UtcTime> preflight; ///< it is one, until then at the latest
};
using LivePointer = std::shared_ptr<const LiveSession>;

/// A publisher that was closed for sending more than was reserved. For so long it is told why when
/// it calls again, by whichever path, since SRT tells nothing at a close. Encoders that show a bare
/// ticket are one here: it is they who read nothing but the refusal.
struct OverRate {
    std::array<std::uint8_t, 8> instance{};
    base::SteadyTime until{};
};
constexpr std::chrono::seconds k_over_rate_for{3};

/// What is known of one reservation.
struct AdmissionEntry {
    wire::IngestAdmit terms;
    bool withdrawn = false;
    std::vector<LivePointer> live;
    std::optional<OverRate> over_rate{}; ///< the newest
};

/// What never changes while the process runs.
struct AdmissionKeys {
    std::array<std::uint8_t, 8> audience{}; ///< short_hash of this relay's id
    seal::PublicKey control{};
    seal::Secret group; ///< for passphrases
};
/// From the parent's first message; bad_data when a key is none.
[[nodiscard]] base::Result<AdmissionKeys> admission_keys(const wire::IngestSetup &setup);

/// Immutable once published: a change makes another one.
struct AdmissionTable {
    std::map<base::Id, AdmissionEntry> entries;

    [[nodiscard]] const AdmissionEntry *find(const base::Id &reservation) const;
};

/// A publisher that is admitted.
struct Admitted {
    seal::Ticket ticket;
    seal::StreamId id;
    std::vector<std::int64_t> replaces; ///< streams that it takes over from; close them
};
/// Why not.
struct Refusal {
    wire::IngestRefusal why{};
    base::Millis early{0}; ///< by how much it is too early
    // NOLINTNEXTLINE(*-explicit-*): all others have nothing more to say
    Refusal(wire::IngestRefusal refusal, base::Millis by = {}) : why(refusal), early(by) {}
    [[nodiscard]] int code() const { return wire::refusal_code(why, early); }
};
using Verdict = std::expected<Admitted, Refusal>;

/// Decides on a stream id, which may be any bytes. Thread-safe on a table that nobody changes.
/// A preflight is admitted within its ticket's own time, and neither keeps a publisher out nor is
/// kept out by one: only by another preflight.
[[nodiscard]] Verdict decide(std::string_view stream_id, const AdmissionTable &table,
                             const AdmissionKeys &keys, const base::ControlClock &clock);

/// Why a live session must end now, as IngestClosed says it; nothing while it may go on.
[[nodiscard]] std::optional<std::string_view> must_end(const AdmissionEntry *entry,
                                                       std::uint32_t generation, base::UtcTime now);

/// The same of a preflight.
[[nodiscard]] std::optional<std::string_view> must_end(const AdmissionEntry *entry,
                                                       const LiveSession &preflight,
                                                       base::UtcTime now, base::SteadyTime steady);

/// Why a publisher left by itself at @p now, as IngestClosed says it: after the programme's end it
/// has done its work, before it was cut.
[[nodiscard]] std::string_view gone_reason(const AdmissionEntry *entry, base::UtcTime now);

} // namespace relay
