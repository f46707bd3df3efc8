// Which line to send over, given how each has been: a pure function, and what it is told.
#pragma once

#include "base/clock.hpp"

#include <optional>
#include <span>
#include <string>

namespace carrier {

/// Questions, 100 ms apart, that a line may leave unanswered before it is suspect.
inline constexpr int k_misses = 3;
/// The same before its first answer, however long the line is.
inline constexpr int k_first_misses = 10;
/// How long a line must have been good before it is used again.
inline constexpr base::Millis k_good_again{5000};

/// How one line has been. It begins as one of which nothing is known.
class LineHealth {
  public:
    /// @p probed: it is asked; else its interface alone says how it is.
    explicit LineHealth(bool probed = true) : m_probed(probed) {}

    /// Its interface is fit to send over, or not.
    void link(bool fit, base::SteadyTime now);
    /// The relay answered through it.
    void answered(base::SteadyTime now);
    /// A question was due, and nothing had come since the one before.
    void missed();

    /// Interface and answers are there.
    [[nodiscard]] bool good() const { return m_good_since.has_value(); }
    /// Interface or answers failed; one of which nothing is known yet is neither.
    [[nodiscard]] bool bad() const { return m_bad; }
    /// Fit to move to: good, and, if it ever was bad, for long enough since.
    [[nodiscard]] bool fit(base::SteadyTime now) const;

  private:
    void fail();

    bool m_probed;
    bool m_link = false;
    bool m_answered = false; // since the link is there
    bool m_bad = false;
    bool m_was_bad = false;
    int m_misses = 0;
    std::optional<base::SteadyTime> m_good_since;
};

/// The line to send over: an index of @p lines, which are by preference. It is @p active unless
/// that is bad and another is fit, or one before it is. Never none: a bad line is better than no
/// line.
[[nodiscard]] std::size_t choose_line(std::span<const LineHealth> lines, std::size_t active,
                                      base::SteadyTime now);

} // namespace carrier
