#include "control/query.hpp"

#include "wire/lists.hpp"

#include <algorithm>
#include <charconv>

namespace control {

using base::UtcTime;

namespace {

constexpr std::int64_t k_year_s = 366 * 86'400;
constexpr std::chrono::hours k_calendar_days{62 * 24};

// The parameters of a query, by name.
class Query {
  public:
    explicit Query(net::Headers parameters) : m_parameters(std::move(parameters)) {}

    std::optional<std::string> text(std::string_view name) {
        m_known.emplace_back(name);
        for (const auto &[key, value] : m_parameters)
            if (key == name)
                return value;
        return std::nullopt;
    }
    std::vector<std::string> all(std::string_view name) {
        m_known.emplace_back(name);
        std::vector<std::string> out;
        for (const auto &[key, value] : m_parameters)
            if (key == name)
                out.push_back(value);
        return out;
    }
    Outcome<UtcTime> time(std::string_view name) {
        const auto value = text(name);
        if (!value)
            return refuse(400, "bad_request", fmt::format("{} is missing", name));
        const auto parsed = base::parse_rfc3339(*value);
        if (!parsed)
            return refuse(400, "bad_request", fmt::format("{}: {}", name, parsed.error().message));
        return *parsed;
    }
    Outcome<std::optional<std::int64_t>> number(std::string_view name, std::int64_t min,
                                                std::int64_t max) {
        const auto value = text(name);
        if (!value)
            return std::nullopt;
        std::int64_t out = 0;
        const auto [end, err] = std::from_chars(value->data(), value->data() + value->size(), out);
        if (err != std::errc{} || end != value->data() + value->size() || out < min || out > max)
            return refuse(400, "bad_request", fmt::format("{}: not in {} to {}", name, min, max));
        return out;
    }
    [[nodiscard]] Outcome<void> finish() const {
        for (const auto &[key, value] : m_parameters)
            if (std::ranges::find(m_known, key) == m_known.end())
                return refuse(400, "bad_request", fmt::format("unknown parameter '{}'", key));
        return {};
    }

  private:
    net::Headers m_parameters;
    std::vector<std::string> m_known;
};

} // namespace

Outcome<void> check_no_query(const net::Request &request) {
    return Query{TRY(net::parse_query(request.query))}.finish();
}

Outcome<Desk::Wish> read_wish(const net::Request &request) {
    Query query{TRY(net::parse_query(request.query, {"carrier"}))};
    Desk::Wish wish;
    wish.menu = {TRY(query.time("from")), TRY(query.time("to"))};
    const auto duration = TRY(query.number("duration_s", 1, k_year_s));
    const auto rate = TRY(query.number("rate_bps", 1, wire::k_max_bps));
    wish.viewers = TRY(query.number("viewers", 1, wire::k_max_viewers));
    wish.channel = query.text("channel");
    wish.carriers = query.all("carrier");
    TRY(query.finish());
    if (!duration || !rate)
        return refuse(400, "bad_request", "duration_s and rate_bps must be there");
    if (wish.menu.empty())
        return refuse(422, "end_before_start", "to is not after from");
    if (wish.menu.to - wish.menu.from > base::Seconds{k_year_s})
        return refuse(422, "too_long", "from and to are more than 366 days apart");
    if (wish.carriers.size() > 8)
        return refuse(422, "invalid_request", "name at most 8 carriers");
    wish.duration = base::Seconds{*duration};
    wish.rate = {*rate};
    return wish;
}

Outcome<resv::Span> read_calendar_query(const net::Request &request) {
    Query query{TRY(net::parse_query(request.query))};
    const resv::Span span{TRY(query.time("from")), TRY(query.time("to"))};
    TRY(query.finish());
    if (span.empty())
        return refuse(422, "end_before_start", "to is not after from");
    if (span.to - span.from > k_calendar_days)
        return refuse(422, "too_long", "from and to are more than 62 days apart");
    return span;
}

Outcome<FreeBusyQuery> read_freebusy_query(const net::Request &request) {
    Query query{TRY(net::parse_query(request.query))};
    FreeBusyQuery out;
    out.window = {TRY(query.time("from")), TRY(query.time("to"))};
    const auto channel = query.text("channel");
    TRY(query.finish());
    if (!channel)
        return refuse(400, "bad_request", "channel is missing");
    if (out.window.empty())
        return refuse(422, "end_before_start", "to is not after from");
    if (out.window.to - out.window.from > base::Seconds{k_year_s})
        return refuse(422, "too_long", "from and to are more than 366 days apart");
    out.channel = *channel;
    return out;
}

Outcome<FeedQuery> read_feed_query(const net::Request &request) {
    Query query{TRY(net::parse_query(request.query))};
    const auto after = TRY(query.number("after", 0, std::numeric_limits<std::int64_t>::max()));
    const auto wait = TRY(query.number("wait_s", 0, 3600));
    TRY(query.finish());
    return FeedQuery{.after = after.value_or(0), .wait = base::Seconds{wait.value_or(0)}};
}

} // namespace control
