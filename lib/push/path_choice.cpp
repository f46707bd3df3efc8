#include "push/path_choice.hpp"

namespace push {

bool stalled(const PathView &path, base::SteadyTime now) {
    return path.waits_since && now - *path.waits_since > path.patience;
}

std::size_t choose_path(std::span<const PathView> paths, std::size_t active, base::SteadyTime now) {
    const auto good = [&](const PathView &p) { return p.usable && !stalled(p, now); };
    const auto first = [&](std::size_t end, auto serves) {
        for (std::size_t i = 0; i < end; ++i)
            if (i != active && serves(paths[i]))
                return i;
        return active;
    };
    const PathView &now_used = paths[active];
    if (!now_used.usable) {
        if (now_used.expected)
            return active;
        const std::size_t best = first(paths.size(), good);
        return best != active ? best
                              : first(paths.size(), [](const PathView &p) { return p.usable; });
    }
    if (stalled(now_used, now))
        return first(paths.size(), [&](const PathView &p) {
            return good(p) && p.answered > *now_used.waits_since;
        });
    return first(active, [&](const PathView &p) { return good(p) && p.fit; });
}

} // namespace push
