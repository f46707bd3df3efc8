#include "relay/sessions.hpp"

#include <algorithm>

namespace relay {

void Sessions::opened(const StreamKey &key, const StreamOpened &what, base::SteadyTime now) {
    m_open.insert_or_assign(key, Session{.what = what, .begun = now});
}

void Sessions::part(const StreamKey &key, std::int64_t bytes) {
    if (const auto found = m_open.find(key); found != m_open.end())
        found->second.bytes += bytes;
}

void Sessions::stats(const StreamKey &key, const wire::IngestStats &numbers) {
    if (const auto found = m_open.find(key); found != m_open.end())
        found->second.numbers = numbers;
}

std::optional<wire::JsonObject> Sessions::closed(const StreamKey &key, base::SteadyTime now) {
    const auto found = m_open.extract(key);
    if (!found)
        return std::nullopt;
    const Session &s = found.mapped();
    const auto lasted = std::chrono::duration_cast<base::Millis>(now - s.begun);
    return wire::JsonObject{{"reservation", s.what.reservation.text()},
                            {"carrier", key.carrier},
                            {"instance", s.what.instance},
                            {"path", s.what.path},
                            {"peer", s.what.peer},
                            {"duration_ms", lasted.count()},
                            {"bytes", s.bytes},
                            {"rtt_us", s.numbers.rtt_us},
                            {"lost_packets", s.numbers.lost_packets},
                            {"dropped_packets", s.numbers.dropped_packets}};
}

std::vector<StreamKey> Sessions::of(std::string_view carrier, std::uint64_t run) const {
    std::vector<StreamKey> out;
    for (const auto &[key, session] : m_open)
        if (key.carrier == carrier && key.run == run)
            out.push_back(key);
    return out;
}

std::string log_text(std::string_view type, const wire::JsonObject &fields) {
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"-_.:[]/"}.find(c) != std::string_view::npos;
    };
    std::string out{type};
    for (const auto &[key, value] : fields) {
        out += ' ';
        out += key;
        out += '=';
        const bool plain = value.is_string() && !value.as_string().empty() &&
                           std::ranges::all_of(value.as_string(), is_plain);
        out += plain ? std::string{value.as_string()} : wire::compact_json(value);
    }
    return out;
}

} // namespace relay
