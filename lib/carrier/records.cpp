#include "carrier/records.hpp"

namespace carrier {

namespace {

std::string_view link_word(const std::optional<route::Link> &link) {
    if (!link)
        return "missing";
    if (!link->up)
        return "down";
    return link->carrier ? "up" : "cut";
}

/// Whether nothing of it crosses the Internet: a tunnel without a carrier below does.
bool dedicated(const CarrierState &state) {
    return state.owned.driver != "wireguard" || state.below;
}

} // namespace

wire::Json record(const Status &status) {
    const CarrierState &state = status.state;
    wire::JsonArray uses;
    for (const auto &[id, use] : state.uses)
        uses.emplace_back(id.text());
    wire::JsonObject out{{"type", "carrier"},
                         {"v", 1},
                         {"carrier", state.name},
                         {"driver", state.owned.driver},
                         {"interface", state.interface},
                         {"link", link_word(status.link)},
                         {"table", route::table_of(state.number)},
                         {"active", status.active},
                         {"sources", wire::JsonArray(state.sources.begin(), state.sources.end())},
                         {"gateway4", state.gateway4},
                         {"gateway6", state.gateway6},
                         {"dedicated", dedicated(state)},
                         {"reservations", std::move(uses)}};
    if (status.intact)
        out["intact"] = *status.intact;
    return out;
}

namespace {

wire::Json step_record(std::string_view action, std::string_view command) {
    return wire::JsonObject{{"type", "step"}, {"v", 1}, {"action", action}, {"command", command}};
}

} // namespace

wire::Json record(const route::Step &step) {
    return step_record(route::action(step), route::text(step));
}

wire::Json record(const LineStep &step) {
    return step_record(step.action, step.command);
}

std::vector<wire::Json> records(const Outcome &outcome) {
    std::vector<wire::Json> out;
    for (std::size_t i = 0; i <= outcome.plan.size(); ++i) {
        if (i == outcome.line_at)
            for (const LineStep &step : outcome.line)
                out.push_back(record(step));
        if (i < outcome.plan.size())
            out.push_back(record(outcome.plan[i]));
    }
    return out;
}

std::string table(const std::vector<Status> &statuses) {
    constexpr std::string_view k_line = "{:<12} {:<12} {:<8} {:<7} {:<7} {}";
    std::string out =
        fmt::format(k_line, "CARRIER", "INTERFACE", "LINK", "ACTIVE", "INTACT", "RESERVATIONS");
    for (const Status &status : statuses) {
        std::vector<std::string> ids;
        ids.reserve(status.state.uses.size());
        for (const auto &[id, use] : status.state.uses)
            ids.push_back(id.text());
        if (!dedicated(status.state))
            ids.emplace_back("(not a dedicated network)");
        const std::string_view intact = !status.intact ? "?" : *status.intact ? "yes" : "no";
        out += '\n';
        out +=
            fmt::format(k_line, status.state.name, status.state.interface, link_word(status.link),
                        status.active ? "yes" : "no", intact, fmt::join(ids, " "));
    }
    return out;
}

} // namespace carrier
