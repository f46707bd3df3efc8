#include "wire/pull.hpp"

#include "wire/json.hpp"

#include <array>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::int64_t k_max_extent = std::int64_t{1} << 32;
constexpr auto k_refusals = std::to_array<std::pair<PullRefusal, std::string_view>>({
    {PullRefusal::bad_request, "bad_request"},
    {PullRefusal::not_found, "not_found"},
    {PullRefusal::too_early, "too_early"},
    {PullRefusal::over, "over"},
    {PullRefusal::password, "password"},
    {PullRefusal::full, "full"},
    {PullRefusal::wrong_use, "wrong_use"},
});

struct Write {
    Json operator()(const PullSetup &m) const {
        return JsonObject{{"type", "setup"},
                          {"host", m.listen.host},
                          {"port", m.listen.port},
                          {"latency_ms", m.latency_ms}};
    }
    Json operator()(const PullEvent &m) const {
        return JsonObject{{"type", "event"},
                          {"event", m.event},
                          {"vid", m.vid},
                          {"token_key", m.token_key},
                          {"refuse", m.refuse}};
    }
    Json operator()(const PullForget &m) const {
        return JsonObject{{"type", "forget"}, {"event", m.event}};
    }
    Json operator()(const PullExtent &m) const {
        return JsonObject{
            {"type", "extent"}, {"event", m.event}, {"extent", m.extent}, {"bytes", m.bytes}};
    }
    Json operator()(const PullDrop &m) const {
        return JsonObject{{"type", "drop"}, {"event", m.event}, {"extent", m.extent}};
    }
    Json operator()(const PullMedia &m) const {
        return JsonObject{{"type", "media"},
                          {"event", m.event},
                          {"extent", m.extent},
                          {"offset", m.offset},
                          {"begin", m.begin},
                          {"end", m.end},
                          {"newest_cut", m.newest_cut},
                          {"window_begin", m.window_begin}};
    }
    Json operator()(const PullEnd &m) const {
        return JsonObject{{"type", "end"}, {"event", m.event}};
    }
    Json operator()(const PullClose &m) const {
        return JsonObject{{"type", "close"}, {"session", m.session}};
    }
    Json operator()(const PullOpened &m) const {
        return JsonObject{
            {"type", "opened"}, {"session", m.session}, {"event", m.event}, {"peer", m.peer}};
    }
    Json operator()(const PullSent &m) const {
        return JsonObject{
            {"type", "sent"}, {"session", m.session}, {"bytes", m.bytes}, {"moves", m.moves}};
    }
    Json operator()(const PullClosed &m) const {
        return JsonObject{{"type", "closed"}, {"session", m.session}, {"slow", m.slow}};
    }
    Json operator()(const PullRefused &m) const {
        return JsonObject{{"type", "refused"}, {"reason", m.reason}, {"count", m.count}};
    }
};

Result<PullMessage> read_setup(ObjectReader &in) {
    PullSetup out;
    out.listen.host = TRY(in.string("host", 64));
    out.listen.port = static_cast<std::uint16_t>(TRY(in.integer("port", 1, 65535)));
    out.latency_ms = TRY(in.integer("latency_ms", 1, 60'000));
    return out;
}
Result<PullMessage> read_event(ObjectReader &in) {
    PullEvent out;
    out.event = TRY(in.integer("event"));
    out.vid = TRY(in.string("vid", 64));
    out.token_key = TRY(in.string("token_key", 64));
    out.refuse = TRY(in.string("refuse", 32));
    return out;
}
Result<PullMessage> read_forget(ObjectReader &in) {
    PullForget out;
    out.event = TRY(in.integer("event"));
    return out;
}
Result<PullMessage> read_extent(ObjectReader &in) {
    PullExtent out;
    out.event = TRY(in.integer("event"));
    out.extent = TRY(in.integer("extent"));
    out.bytes = TRY(in.integer("bytes", 1, k_max_extent));
    return out;
}
Result<PullMessage> read_drop(ObjectReader &in) {
    PullDrop out;
    out.event = TRY(in.integer("event"));
    out.extent = TRY(in.integer("extent"));
    return out;
}
Result<PullMessage> read_media(ObjectReader &in) {
    PullMedia out;
    out.event = TRY(in.integer("event"));
    out.extent = TRY(in.integer("extent"));
    out.offset = TRY(in.integer("offset", 0, k_max_extent));
    out.begin = TRY(in.integer("begin"));
    out.end = TRY(in.integer("end"));
    out.newest_cut = TRY(in.integer("newest_cut", -1));
    out.window_begin = TRY(in.integer("window_begin"));
    return out;
}
Result<PullMessage> read_end(ObjectReader &in) {
    PullEnd out;
    out.event = TRY(in.integer("event"));
    return out;
}
Result<PullMessage> read_close(ObjectReader &in) {
    PullClose out;
    out.session = TRY(in.integer("session"));
    return out;
}
Result<PullMessage> read_opened(ObjectReader &in) {
    PullOpened out;
    out.session = TRY(in.integer("session"));
    out.event = TRY(in.integer("event"));
    out.peer = TRY(in.string("peer", 64));
    return out;
}
Result<PullMessage> read_sent(ObjectReader &in) {
    PullSent out;
    out.session = TRY(in.integer("session"));
    out.bytes = TRY(in.integer("bytes", 0, k_max_extent));
    out.moves = TRY(in.integer("moves", 0, 1000));
    return out;
}
Result<PullMessage> read_closed(ObjectReader &in) {
    PullClosed out;
    out.session = TRY(in.integer("session"));
    out.slow = TRY(in.boolean_or("slow", false));
    return out;
}
Result<PullMessage> read_refused(ObjectReader &in) {
    PullRefused out;
    out.reason = TRY(in.string("reason", 32));
    out.count = TRY(in.integer("count", 1));
    return out;
}

using Reader = Result<PullMessage> (*)(ObjectReader &);
constexpr auto k_readers = std::to_array<std::pair<std::string_view, Reader>>({
    {"setup", read_setup},
    {"event", read_event},
    {"forget", read_forget},
    {"extent", read_extent},
    {"drop", read_drop},
    {"media", read_media},
    {"end", read_end},
    {"close", read_close},
    {"opened", read_opened},
    {"sent", read_sent},
    {"closed", read_closed},
    {"refused", read_refused},
});

} // namespace

std::string write_pull(const PullMessage &message) {
    return compact_json(std::visit(Write{}, message));
}

Result<PullMessage> read_pull(std::string_view text) {
    const Json json = TRY(parse_json(text, "pull message"));
    auto in = TRY(ObjectReader::of(json, "pull message"));
    const std::string type = TRY(in.string("type", 32));
    for (const auto &[known, read] : k_readers) {
        if (type != known)
            continue;
        PullMessage message = TRY(read(in));
        TRY(in.finish());
        return message;
    }
    return fail(Errc::protocol, "{}: '{}' is not known", in.where("type"), type);
}

std::string_view name(PullRefusal refusal) {
    for (const auto &[known, text] : k_refusals)
        if (known == refusal)
            return text;
    return "other";
}

std::optional<PullRefusal> pull_refusal(std::string_view name) {
    for (const auto &[known, text] : k_refusals)
        if (text == name)
            return known;
    return std::nullopt;
}

} // namespace wire
