// When the sender does what: pure, by control's clock.
#pragma once

#include "base/clock.hpp"
#include "media/srt_rate.hpp"
#include "media/srt_socket.hpp"
#include "wire/sender.hpp"

#include <optional>

namespace push {

enum class SenderPhase {
    waiting,   ///< before start - lead_in: no connection
    lead_in,   ///< connected, nothing is sent
    programme, ///< [start, end)
    draining,  ///< until end + drain: what was sent is still repeated where it got lost
    over,
};

/// @p now by control's clock.
[[nodiscard]] SenderPhase phase_at(const wire::SenderPlan &plan, base::UtcTime now);

/// When the phase is next another one by itself; max: never.
[[nodiscard]] base::UtcTime next_phase_at(const wire::SenderPlan &plan, base::UtcTime now);

/// How to call the relay over @p path as the connection @p number of @p instance; config when the
/// path would not be bound to its carrier.
[[nodiscard]] base::Result<media::SrtCall> call_over(const wire::SenderPath &path,
                                                     base::BitRate max_rate,
                                                     const std::array<std::uint8_t, 8> &instance,
                                                     unsigned number);

/// What may leave in a second of a stream of @p max_rate, repeats included: what its line was
/// reserved for.
[[nodiscard]] std::int64_t ceiling_bytes(base::BitRate max_rate);

/// What a reader must be told again when it changes.
[[nodiscard]] wire::SenderHello hello_of(const wire::SenderPlan &plan);
[[nodiscard]] bool same_terms(const wire::SenderPlan &a, const wire::SenderPlan &b);

/// So much of a stream may leave in one go. Each burst costs some six wakes, which are most of what
/// sending costs; a longer one crowds the line, and leaves less of SRT's latency to repeat it in.
constexpr base::Millis k_at_once{68};

/// Keeps what is sent within the reservation: at most 5 % above its rate in any second (the relay
/// tolerates 10 %), and bursts spread so that the line, reserved at rate × 1.25 + 100 kbit/s, has
/// room for them and for what is repeated.
class SenderGate {
  public:
    explicit SenderGate(base::BitRate rate);
    [[nodiscard]] base::BitRate limit() const { return m_rate; }
    /// Counts @p bytes when they may leave now.
    [[nodiscard]] bool pass(std::size_t bytes, base::SteadyTime now);
    [[nodiscard]] base::BitRate measured(base::SteadyTime now) { return m_meter.rate(now); }

  private:
    base::BitRate m_rate;
    media::RateMeter m_meter;
    media::Bucket m_bucket;
};

/// Whether SRT has to space out what it sends, repeats included: at first, and while packets get
/// lost, for what is repeated must not crowd a line that is full. To space them out it wakes for
/// each packet, which is most of what sending costs; on a clean line the gate alone is enough.
class LossBrake {
  public:
    /// @p repeated: packets sent again since the connection was made. Asked every now and then.
    [[nodiscard]] bool on(std::int64_t repeated, base::SteadyTime now);

  private:
    std::optional<base::SteadyTime> m_clean_since;
    base::Millis m_wait{};
    std::int64_t m_repeated = 0;
};

} // namespace push
