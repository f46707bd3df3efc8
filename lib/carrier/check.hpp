// `carrier-connect check`: whether media can leave by another way than its carrier, tried out.
#pragma once

#include "carrier/connector.hpp"
#include "route/tally.hpp"
#include "wire/json.hpp"

namespace carrier {

/// How the line is while it is tried.
enum class LineState {
    up,      ///< as it was found, or as `up` makes it
    cut,     ///< all that goes into it is lost
    removed, ///< its routes are gone, as when its interface is taken away
};
[[nodiscard]] std::string_view name(LineState state);

/// What became of one user's datagrams to one address in one state of the line.
struct CheckRow {
    std::string carrier;
    LineState state = LineState::up;
    std::string from; ///< `media`, or `anyone`: another user
    bool relay = false;
    route::Address to;
    int tried = 0;
    route::Left left;
    bool must_arrive = false; ///< to the relay in use: by the carrier, or the test shows nothing

    /// How many found no way at all.
    [[nodiscard]] int refused() const;
    /// Nothing left by another way, nor at all without the line; and what must arrive left by it.
    [[nodiscard]] bool ok() const;
};

struct CheckRequest {
    wire::Settings settings;
    conf::TerminalConfig config;
    std::string carrier; ///< as --carrier gave it; empty: the one that is up, else as for `up`
    UpHow how;
};

/// Tries it in all three states, first as it is, and leaves files and kernel as they should have
/// been before. The process must have one thread, and what require_privilege(true) asks for.
/// try_again: an exec runs the reservation, another one uses a carrier, or stopped.
[[nodiscard]] base::Result<std::vector<CheckRow>> check(const CheckRequest &request,
                                                        Connector &connector);
/// The steps of it, in order; takes none.
[[nodiscard]] base::Result<Outcome> plan_check(const CheckRequest &request, Connector &connector);

/// Success when all of it is ok; else refused, and why.
[[nodiscard]] base::Result<int> verdict(const std::vector<CheckRow> &rows);
/// `{"type":"check","v":1,…}`
[[nodiscard]] wire::Json record(const CheckRow &row);
/// `carrier-connect check --table`, with its headings.
[[nodiscard]] std::string table(const std::vector<CheckRow> &rows);

} // namespace carrier
