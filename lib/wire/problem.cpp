#include "wire/problem.hpp"

#include "wire/lists.hpp"

namespace wire {

using base::Result;

namespace {

Json to_json(const Shortfall &s) {
    return JsonObject{{"resource", s.resource},
                      {"needed", s.needed},
                      {"available", s.available},
                      {"from", base::format_rfc3339(s.from)},
                      {"to", base::format_rfc3339(s.to)}};
}

Result<Shortfall> read_shortfall(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    Shortfall out;
    out.resource = TRY(in.string("resource", 128));
    out.needed = TRY(in.integer("needed"));
    out.available = TRY(in.integer("available"));
    out.from = TRY(in.time("from"));
    out.to = TRY(in.time("to"));
    return out;
}

} // namespace

Json to_json(const Alternative &a) {
    JsonObject out{{"type", "alternative"},
                   {"v", 1},
                   {"start", base::format_rfc3339(a.start)},
                   {"end", base::format_rfc3339(a.end)},
                   {"channel", a.channel},
                   {"carriers", to_array(a.carriers)},
                   {"rate_bps", a.rate.bps},
                   {"viewers", a.viewers},
                   {"expires", base::format_rfc3339(a.expires)},
                   {"offer", a.offer}};
    put_fee(out, a.fee);
    return out;
}

Result<Alternative> read_alternative(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    Alternative out;
    out.offer = TRY(in.string("offer", k_max_offer));
    out.expires = TRY(in.time("expires"));
    out.start = TRY(in.time("start"));
    out.end = TRY(in.time("end"));
    out.channel = TRY(in.string("channel", 32));
    out.carriers = TRY(plain_names(in, "carriers"));
    out.rate = {TRY(in.integer("rate_bps", 1, k_max_bps))};
    out.viewers = TRY(in.integer("viewers", 0, k_max_viewers));
    out.fee = TRY(read_fee(in));
    return out;
}

Json to_json(const Problem &p) {
    JsonObject out{{"type", "urn:slotcast:problem:" + p.code},
                   {"title", p.title},
                   {"status", p.status},
                   {"detail", p.detail},
                   {"code", p.code}};
    if (!p.hint.empty())
        out["hint"] = p.hint;
    if (!p.shortfalls.empty()) {
        JsonArray list;
        for (const Shortfall &s : p.shortfalls)
            list.push_back(to_json(s));
        out["shortfalls"] = std::move(list);
    }
    if (!p.alternatives.empty()) {
        JsonArray list;
        for (const Alternative &a : p.alternatives)
            list.push_back(to_json(a));
        out["alternatives"] = std::move(list);
    }
    return out;
}

Result<Problem> read_problem(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    Problem p;
    p.status = static_cast<int>(TRY(in.integer("status", 100, 599)));
    p.code = TRY(in.string("code", 64));
    p.title = TRY(in.string("title"));
    p.detail = TRY(in.string("detail", 4096));
    p.hint = TRY(in.optional_string("hint", 4096)).value_or("");
    if (in.has("shortfalls"))
        for (const Json &item : *TRY(in.array("shortfalls", k_max_shortfalls)))
            p.shortfalls.push_back(TRY(read_shortfall(item, in.where("shortfalls"))));
    if (in.has("alternatives"))
        for (const Json &item : *TRY(in.array("alternatives", 64)))
            p.alternatives.push_back(TRY(read_alternative(item, in.where("alternatives"))));
    return p;
}

} // namespace wire
