// When to say that the reservation is about to end.
#pragma once

#include "base/time.hpp"

#include <utility>
#include <vector>

namespace push {

/// Pure. Each of its marks is a time before the end, at which it is said once; an end that moves
/// behind a mark again arms it again.
class EndWarning {
  public:
    explicit EndWarning(const std::vector<base::Millis> &before) {
        for (const base::Millis mark : before)
            m_marks.push_back({mark, false});
    }

    /// To be asked again and again: true when it is to be said that @p left is left. Not of a mark
    /// that was passed before it was asked for the first time, and once when several pass at a
    /// time.
    [[nodiscard]] bool due(base::Millis left) {
        bool out = false;
        for (Mark &mark : m_marks) {
            if (left > mark.before)
                mark.armed = true;
            else
                out |= std::exchange(mark.armed, false);
        }
        return out && left > base::Millis{0};
    }

  private:
    struct Mark {
        base::Millis before;
        bool armed;
    };
    std::vector<Mark> m_marks;
};

} // namespace push
