#include "carrier/upkeep.hpp"

#include <algorithm>

namespace carrier {

namespace {

/// True when the plan restores what only somebody else can have removed: links and addresses that
/// come and go take routes with them, but neither rules nor the guard.
bool tampered(const route::Plan &plan) {
    return std::ranges::any_of(plan, [](const route::Step &step) {
        return std::holds_alternative<route::AddRule>(step) ||
               std::holds_alternative<route::SetGuard>(step);
    });
}

/// @p now, unless it is what @p before says; which then says it.
std::string news(std::string &before, std::string now) {
    std::string out = now != before ? now : std::string{};
    before = std::move(now);
    return out;
}

} // namespace

Mended Upkeep::mend() {
    const auto done = m_connector.mend();
    if (!done && done.error().code == base::Errc::try_again)
        return {.busy = true, .put_back = 0, .foreign = {}, .trouble = {}};
    Mended out;
    out.trouble = news(m_trouble, done ? std::string{} : done.error().message);
    if (!done)
        return out;
    if (tampered(done->plan))
        out.put_back = done->plan.size();
    const auto foreign = m_connector.foreign_rule();
    out.foreign = news(m_foreign, foreign && *foreign ? **foreign : std::string{});
    return out;
}

} // namespace carrier
