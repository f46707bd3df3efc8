// Work on the ledger that may be refused: a refusal undoes it as a failure does.
#pragma once

#include "control/problem.hpp"
#include "ledger/ledger.hpp"

namespace control {

/// Runs @p work (Transaction & → Outcome<T>) in a write transaction and returns its outcome once
/// that is durable, or why it could not be kept. @p about: see Ledger::write_once.
template <typename Work>
[[nodiscard]] auto transact(ledger::Ledger &ledger, const std::optional<ledger::AnswerKey> &about,
                            const Work &work)
    -> decltype(work(std::declval<ledger::Transaction &>())) {
    decltype(work(std::declval<ledger::Transaction &>())) outcome =
        refuse(500, "internal", "the work was not done");
    bool refused = false;
    const ledger::Ledger::Work run = [&](ledger::Transaction &t) -> base::Result<void> {
        outcome = work(t);
        refused = !outcome;
        if (refused)
            return base::fail(base::Errc::refused, "refused");
        return {};
    };
    const auto kept = about ? ledger.write_once(run, *about) : ledger.write(run);
    // Any other error is the ledger's, also when the work met it first.
    if (!kept && (!refused || kept.error().code != base::Errc::refused))
        return std::unexpected(Refusal{kept.error()});
    return outcome;
}

template <typename Work> [[nodiscard]] auto transact(ledger::Ledger &ledger, const Work &work) {
    return transact(ledger, std::nullopt, work);
}

/// The same for @p work that only reads, by ledger.read or ledger.peek.
template <typename Work>
[[nodiscard]] auto examine(ledger::Ledger &ledger, const Work &work,
                           decltype(&ledger::Ledger::read) how = &ledger::Ledger::read)
    -> decltype(work(std::declval<ledger::Transaction &>())) {
    decltype(work(std::declval<ledger::Transaction &>())) outcome =
        refuse(500, "internal", "the work was not done");
    const auto read = (ledger.*how)([&](ledger::Transaction &t) -> base::Result<void> {
        outcome = work(t);
        return {};
    });
    if (!read)
        return std::unexpected(Refusal{read.error()});
    return outcome;
}

} // namespace control
