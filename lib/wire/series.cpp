#include "wire/series.hpp"

#include "wire/lists.hpp"

#include <array>

namespace wire {

using base::Errc;
using base::Result;

namespace {

constexpr std::array k_on_clash{std::pair{"all-or-nothing", OnClash::all_or_nothing},
                                std::pair{"skip", OnClash::skip},
                                std::pair{"propose", OnClash::propose}};

} // namespace

std::string_view name(OnClash on_clash) {
    for (const auto &[text, value] : k_on_clash)
        if (value == on_clash)
            return text;
    return "";
}

Result<OnClash> parse_on_clash(std::string_view text) {
    for (const auto &[known, value] : k_on_clash)
        if (text == known)
            return value;
    return base::fail_hint(Errc::bad_data, "write all-or-nothing, skip or propose",
                           "'{}' is nothing to do on a clash", text.substr(0, 32));
}

Json to_json(const SeriesRequest &s) {
    return JsonObject{{"request", to_json(s.request)},
                      {"repeat", s.repeat},
                      {"zone", s.zone},
                      {"on_clash", name(s.on_clash)}};
}

Result<SeriesRequest> read_series_request(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    SeriesRequest out;
    out.request = TRY(read_request(*TRY(in.value("request")), in.where("request")));
    TRY(check_title(out.request.title, in.where("request.title")));
    if (out.request.hold)
        return base::fail(Errc::bad_data, "{}: a series is booked, not held",
                          in.where("request.hold"));
    out.repeat = TRY(in.string("repeat", 512));
    out.zone = TRY(in.string("zone", 64));
    out.on_clash = TRY(parse_on_clash(TRY(in.string("on_clash", 32))));
    TRY(in.finish());
    return out;
}

Json to_json(const Clash &c) {
    return JsonObject{{"type", "clash"},
                      {"v", 1},
                      {"local", c.local},
                      {"start", base::format_rfc3339(c.start)},
                      {"problem", to_json(c.problem)}};
}

Result<Clash> read_clash(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    Clash out;
    out.local = TRY(in.string("local", 32));
    out.start = TRY(in.time("start"));
    out.problem = TRY(read_problem(*TRY(in.value("problem")), in.where("problem")));
    return out;
}

} // namespace wire
