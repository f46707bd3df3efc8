// The calendar's part of the API: the document, its changes, and how a browser gets to see them.
#include "control/api.hpp"
#include "control/handler.hpp"
#include "control/pages.hpp"
#include "control/query.hpp"
#include "control/transact.hpp"

namespace control {

using ledger::Transaction;
using wire::JsonObject;

namespace {

// Of this host only, over TLS only, out of reach of scripts, and not sent when another site asks:
// RFC 6265bis section 4.1.3 refuses a cookie of this name that is less.
constexpr std::string_view k_cookie = "__Host-slotcast";

net::Headers set_cookie(std::string_view value, base::Millis life) {
    return {{"Set-Cookie",
             fmt::format("{}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", k_cookie,
                         value, std::chrono::floor<base::Seconds>(life).count())}};
}

std::optional<std::string_view> session_in(std::string_view cookies) {
    while (!cookies.empty()) {
        const std::size_t end = std::min(cookies.find(';'), cookies.size());
        std::string_view one = cookies.substr(0, end);
        cookies.remove_prefix(std::min(end + 1, cookies.size()));
        one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
        if (one.starts_with(k_cookie) && one.substr(k_cookie.size()).starts_with('='))
            return one.substr(k_cookie.size() + 1);
    }
    return std::nullopt;
}

Outcome<std::string> code_in(const net::Request &request) {
    const auto json = wire::parse_json(request.body, "body");
    if (!json)
        return refuse(400, "bad_json", json.error().message);
    const auto code = [&]() -> base::Result<std::string> {
        auto in = TRY(wire::ObjectReader::of(*json, "session"));
        std::string text = TRY(in.string("code"));
        TRY(in.finish());
        return text;
    }();
    if (!code)
        return refuse(422, "invalid_request", code.error().message);
    return *code;
}

} // namespace

Outcome<Look> Api::look(const Call &call) {
    std::optional<Session> session;
    const auto cookie = call.request.header("Cookie");
    const auto text = session_in(cookie ? std::string_view(*cookie) : std::string_view{});
    if (call.request.header("Signature-Input")) {
        const auto caller = TRY(identify(call.request, call.now));
        session = {.key = caller.id(), .until = call.now + m_config.calendar.session};
    } else if (text) {
        session = TRY(m_logins.open(*text, call.now));
    } else if (!m_config.calendar.open) {
        return refuse(401, "no_session", "nobody is logged in",
                      "resv-request calendar prints a link that logs in");
    }
    if (!session)
        return Look{.viewer = {}, .key = {}, .until = call.now + m_config.calendar.session};
    const Viewer viewer =
        TRY(examine(m_ledger, [&](Transaction &t) { return m_logins.viewer(t, session->key); }));
    return Look{.viewer = viewer, .key = session->key, .until = session->until};
}

Outcome<Answer> Api::file(const Call &call) {
    return page(call.request);
}

Outcome<Answer> Api::calendar(const Call &call) {
    const Look who = TRY(look(call));
    const resv::Span span = TRY(read_calendar_query(call.request));
    auto document = TRY(examine(m_ledger, [&](Transaction &t) {
        return control::calendar(t, m_config, who.viewer, span, call.now);
    }));
    document["time"] = base::format_rfc3339(call.now);
    return Answer{.status = 200, .body = wire::compact_json(document)};
}

Outcome<Answer> Api::events(const Call &call) {
    Look who = TRY(look(call));
    const resv::Span span = TRY(read_calendar_query(call.request));
    auto stream = TRY(
        m_events.listen(std::move(who), span, call.request.header("Last-Event-ID").value_or("")));
    return Answer{.status = 200,
                  .body = "retry: 2000\n\n",
                  .headers = {{"Content-Type", "text/event-stream"}},
                  .stream = std::move(stream)};
}

// Not once(): a code is a secret that should be kept nowhere, and each call may make one.
Outcome<Answer> Api::login_link(const Call &call) {
    TRY(check_unread(call.request));
    const auto code = TRY(transact(
        m_ledger, [&](Transaction &t) { return m_logins.make(t, call.caller.id(), call.now); }));
    return Answer{.status = 201,
                  .body = wire::compact_json(JsonObject{
                      {"code", code.text}, {"expires", base::format_rfc3339(code.expires)}})};
}

Outcome<Answer> Api::log_in(const Call &call) {
    const net::Request &request = call.request;
    const auto origin = request.header("Origin");
    if (origin && *origin != "https://" + request.header("Host").value_or(""))
        return refuse(403, "wrong_origin", "another site's page may not log in here");
    const std::string code = TRY(code_in(request));
    const std::string session =
        TRY(transact(m_ledger, [&](Transaction &t) { return m_logins.take(t, code, call.now); }));
    return Answer{.status = 200,
                  .body = wire::compact_json(JsonObject{}),
                  .headers = set_cookie(session, m_config.calendar.session)};
}

Outcome<Answer> Api::log_out(const Call &) {
    return Answer{.status = 200,
                  .body = wire::compact_json(JsonObject{}),
                  .headers = set_cookie("", base::Millis{0})};
}

} // namespace control
