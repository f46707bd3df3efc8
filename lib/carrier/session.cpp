#include "carrier/session.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace carrier {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;
namespace log = base::log;

namespace {

constexpr base::Millis k_clock_warning = 1s;

bool withdrawn(resv::State state) {
    using enum resv::State;
    return state == cancelled || state == revoked || state == no_show || state == expired;
}

constexpr std::string_view k_there = "is there";

std::string_view word_of(const std::optional<route::Link> &link) {
    return !link ? "is gone" : !link->up ? "is down" : !link->carrier ? "is cut" : k_there;
}

std::vector<route::Address> addresses(const std::set<std::string> &texts) {
    std::vector<route::Address> out;
    for (const std::string &text : texts)
        if (const auto parsed = route::Address::parse(text))
            out.push_back(*parsed);
    return out;
}

} // namespace

Session::Session(const wire::Settings &settings, const conf::TerminalConfig &config,
                 Connector &connector, const base::Clock &clock)
    : m_settings(settings), m_config(config), m_connector(connector), m_upkeep(connector),
      m_clock(clock), m_window(settings.window),
      m_lines(std::ranges::count_if(settings.carriers, [&](const wire::CarrierInfo &info) {
          return !info.ingest.empty() && choose(settings, config, info.name).has_value();
      })) {}

void Session::take(const News &news) {
    if (const auto *clock = std::get_if<ClockNews>(&news)) {
        m_clock.set_offset(clock->offset);
        m_clock_known = true;
        m_control_away = false;
        const base::Millis offset = m_clock.wall_offset();
        if (std::chrono::abs(offset) > k_clock_warning)
            log::warning("this machine's clock is {} {} control's; control's counts",
                         base::format_duration(std::chrono::abs(offset)),
                         offset > 0ms ? "behind" : "ahead of");
    } else if (const auto *answer = std::get_if<ReservationNews>(&news)) {
        const wire::Reservation &r = answer->reservation;
        m_control_away = false;
        if (m_window != r.window && r.id == m_settings.reservation) {
            log::info("the reservation now ends at {}", base::format_rfc3339(r.window.end));
            m_window = r.window;
        }
        m_state = r.state;
        if (withdrawn(r.state) && !m_withdrawn)
            log::warning("control says: the reservation is {}", resv::name(r.state));
        m_withdrawn = withdrawn(r.state);
    } else {
        log::debug("control: {}", std::get<NoNews>(news).why);
        m_control_away = true;
    }
}

Result<void> Session::check_open() const {
    if (m_withdrawn)
        return base::fail(Errc::refused, "reservation {} is {}", m_settings.reservation.text(),
                          resv::name(m_state));
    if (m_clock.now() >= m_window.closes())
        return base::fail_hint(Errc::refused, "resv-request extend, before the end, prolongs one",
                               "reservation {} is over since {}", m_settings.reservation.text(),
                               base::format_rfc3339(m_window.closes()));
    return {};
}

void Session::watch_moves(const std::string &active) {
    if (m_active != active && !m_active.empty())
        log::info("media moves from carrier {} to {}", m_active, active);
    m_active = active;
}

// What is told of a line that is not there depends on whether another one is.
void Session::watch_links(const wire::SenderPlan &plan) {
    const bool another = m_spares && std::ranges::any_of(plan.paths, &wire::SenderPath::fit);
    for (const wire::SenderPath &path : plan.paths) {
        const std::string &word = m_found[path.carrier];
        std::string &told = m_told[path.carrier];
        const bool active = path.carrier == plan.paths.front().carrier;
        if (told.empty() && word != k_there && !active)
            continue; // a spare that is still being connected
        if (word == told || (told.empty() && word == k_there))
            ;
        else if (word == k_there)
            log::info("carrier {}: interface {} is back", path.carrier, path.interface);
        else if (another || !active)
            log::warning("carrier {}: interface {} {}{}", path.carrier, path.interface, word,
                         another ? "; media goes over another carrier" : "");
        else
            log::warning("carrier {}: interface {} {}; media waits until it is back, or for "
                         "carrier-connect up {} --carrier NAME",
                         path.carrier, path.interface, word, m_settings.reservation.text());
        told = word;
    }
}

Result<wire::SenderPlan> Session::plan() {
    wire::SenderPlan plan{.reservation = m_settings.reservation,
                          .window = m_window,
                          .clock_offset_ms = m_clock.offset().count(),
                          .max_rate = m_settings.stream.max_rate,
                          .codecs = m_settings.stream.codecs,
                          .max_gop_s = m_settings.stream.max_gop_s,
                          .paths = {},
                          .lines = m_lines,
                          .cancelled = m_withdrawn,
                          .preflight_ticket = m_settings.stream.preflight_ticket.value_or("")};
    m_seen.clear();
    m_seen = TRY(m_connector.carriers());
    const Carriers &carriers = m_seen;
    const CarrierState *active = active_for(carriers, m_settings.reservation);
    if (active == nullptr) {
        if (!m_active.empty())
            log::warning("no carrier is up for this reservation any more; media waits for "
                         "carrier-connect up {}",
                         m_settings.reservation.text());
        m_active.clear();
        return plan;
    }
    watch_moves(active->name);
    TRY(add_path(plan, *active));
    for (const wire::CarrierInfo &info : m_settings.carriers) {
        const Use *use = use_of(carriers, info.name, m_settings.reservation);
        const bool below_only = info.ingest.empty(); // it is there for a tunnel
        if (info.name != active->name && !below_only && use != nullptr && !use->leaving)
            TRY(add_path(plan, carriers.at(info.name)));
    }
    watch_links(plan);
    return plan;
}

Result<void> Session::add_path(wire::SenderPlan &plan, const CarrierState &state) {
    const Choice choice = TRY(choose(m_settings, m_config, state.name));
    const auto link = TRY(m_connector.link(state.interface));
    const bool has_addresses = link && !link->addresses.empty();
    plan.paths.push_back(sender_path(m_settings, choice,
                                     has_addresses ? link->addresses : addresses(state.sources)));
    const std::string_view word = word_of(link);
    plan.paths.back().fit = word == k_there && has_addresses;
    m_found[state.name] = word;
    return {};
}

/// The sender hears of a way when it is there.
Result<void> Session::tell(Sender &sender) {
    const auto now = TRY(plan());
    if (m_isolation != nullptr)
        TRY(m_isolation->follow(TRY(m_connector.policy_of(m_seen, m_settings.reservation))));
    return sender.tell(now);
}

void Session::refresh(Sender &sender) {
    m_spares = sender.status().use == "failover" || sender.status().use == "redundant";
    const auto told = tell(sender);
    if (told && leaving(m_seen, m_settings.reservation))
        finish_leaving(sender);
    const std::string trouble = told ? std::string{} : told.error().message;
    if (trouble != m_trouble && !trouble.empty())
        log::error("{}", trouble);
    m_trouble = trouble;
}

// The sender's plan has no path over what is leaving in m_seen.
void Session::finish_leaving(const Sender &sender) {
    if (!sender.follows())
        return;
    const auto done = m_connector.finish_leaving(m_settings.reservation, m_seen);
    if (!done && done.error().code != Errc::try_again)
        log::error("{}", done.error().message);
}

void Session::tend() {
    std::string trouble;
    const auto carriers = m_connector.carriers();
    for (const auto &[name, state] : carriers ? *carriers : Carriers{}) {
        const Use *use = use_of(*carriers, name, m_settings.reservation);
        const wire::CarrierInfo *info = m_settings.carrier(name);
        const bool for_tunnel = info != nullptr && info->ingest.empty();
        if (use == nullptr || use->leaving || for_tunnel || // it is tended with its tunnel
            only_below(*carriers, name, m_settings.reservation))
            continue;
        const auto choice = choose(m_settings, m_config, name);
        const auto done = choice ? m_connector.tend(m_settings, *choice, state.media_uid)
                                 : std::unexpected(choice.error());
        if (!done && done.error().code != Errc::try_again)
            trouble = done.error().message;
    }
    if (trouble != m_line_trouble && !trouble.empty())
        log::error("{}", trouble);
    m_line_trouble = trouble;
}

bool Session::mend() {
    const Mended done = m_upkeep.mend();
    if (!done.trouble.empty())
        log::error("{}", done.trouble);
    if (done.put_back != 0)
        log::warning("another program removed rules of ours; {} of them put back", done.put_back);
    if (!done.foreign.empty())
        log::warning("a rule of another program stands before ours: {}", done.foreign);
    return !done.busy;
}

} // namespace carrier
