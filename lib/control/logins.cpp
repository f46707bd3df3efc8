#include "control/logins.hpp"

#include "seal/hash.hpp"
#include "seal/token.hpp"

namespace control {

using base::Result;
using base::UtcTime;
using ledger::Transaction;
using wire::JsonObject;

namespace {

constexpr std::string_view k_code = "slotcast-login-code-v1";
constexpr std::string_view k_session = "slotcast-session-v1";

std::string sealed(const seal::Secret &key, std::string_view context, const Session &s) {
    return seal::seal_token(key.view(), context,
                            seal::bytes_of(wire::compact_json(JsonObject{
                                {"key", s.key.text()}, {"until", base::format_rfc3339(s.until)}})));
}

Result<Session> opened(const seal::Secret &key, std::string_view context, std::string_view text) {
    const auto plain = TRY(seal::open_token(key.view(), context, text));
    const wire::Json json = TRY(wire::parse_json(seal::text_of(plain.view()), "session"));
    auto in = TRY(wire::ObjectReader::of(json, "session"));
    Session s;
    s.key = TRY(seal::KeyId::parse(TRY(in.string("key"))));
    s.until = TRY(in.time("until"));
    return s;
}

// No token of an enrolment has this hash.
seal::Hash256 hash_of(std::string_view code) {
    return seal::hash256(seal::bytes_of(code), seal::bytes_of(k_code));
}

std::unexpected<Refusal> bad_login() {
    return refuse(403, "bad_login",
                  fmt::format("the link is not known, was used, or is older than {}",
                              base::format_duration(k_code_life)),
                  "get a new one with resv-request calendar");
}

std::unexpected<Refusal> no_session() {
    return refuse(401, "no_session", "the session is over, or its key is no longer enrolled",
                  "resv-request calendar prints a link that logs in");
}

} // namespace

Logins::Logins(const Config &config, const Keys &keys)
    : m_config(config), m_own(keys.signing.id()),
      m_key(seal::ByteView{
          seal::hash256(seal::bytes_of("slotcast-login-v1"), keys.signing.seed().view())}) {}

Outcome<Logins::Code> Logins::make(Transaction &t, const seal::KeyId &key, UtcTime now) const {
    const UtcTime expires = now + k_code_life;
    const Viewer who = TRY(viewer(t, key));
    const std::string code = sealed(m_key, k_code, {.key = key, .until = expires});
    TRY(t.put(ledger::Token{.hash = hash_of(code),
                            .name = who.name,
                            .role = ledger::Role::operator_,
                            .expires = expires,
                            .used_by = {}}));
    return Code{.text = code, .expires = expires};
}

Outcome<Logins::Code> Logins::make_own(Transaction &t, UtcTime now) const {
    return make(t, m_own, now);
}

Outcome<std::string> Logins::take(Transaction &t, const std::string &code, UtcTime now) const {
    const auto session = opened(m_key, k_code, code);
    if (!session || now >= session->until)
        return bad_login();
    auto token = TRY(t.token(hash_of(code)));
    if (!token || token->used_by || !viewer(t, session->key))
        return bad_login();
    token->used_by = session->key;
    TRY(t.put(*token));
    return sealed(m_key, k_session,
                  {.key = session->key, .until = now + m_config.calendar.session});
}

Outcome<Session> Logins::open(std::string_view text, UtcTime now) const {
    const auto session = opened(m_key, k_session, text);
    if (!session || now >= session->until)
        return no_session();
    return *session;
}

Outcome<Viewer> Logins::viewer(Transaction &t, const seal::KeyId &key) const {
    if (key == m_own)
        return Viewer{.kind = Viewer::Kind::operator_, .name = "resv-control"};
    const auto party = TRY(t.party_by_key(key));
    if (!party || party->role == ledger::Role::relay)
        return no_session();
    return Viewer{.kind = party->role == ledger::Role::operator_ ? Viewer::Kind::operator_
                                                                 : Viewer::Kind::distributor,
                  .name = party->name};
}

} // namespace control
