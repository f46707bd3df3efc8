// What the API does with keys: enrolment, rotation, revocation.
#include "base/log.hpp"
#include "control/api.hpp"
#include "control/enrolment.hpp"
#include "control/handler.hpp"
#include "control/key_changes.hpp"
#include "control/transact.hpp"

namespace control {

using base::UtcTime;
using ledger::Transaction;

Outcome<Answer> Api::enrol(const Call &call) {
    const auto request = wire::read_enrol_request(TRY(body_of(call.request)), "enrol");
    if (!request)
        return invalid(request.error());
    const auto key = seal::public_key_from_text(request->sign_key);
    if (!key)
        return refuse(422, "bad_key", "sign_key is not a public key");
    TRY(verify_self_signed(call.request, *key, call.now));
    // The token makes it repeatable, so strangers leave nothing in the table of answers.
    const auto answer = TRY(transact(m_ledger, [&](Transaction &t) {
        return control::enrol(t, m_config, m_keys, *request, call.now);
    }));
    m_authenticator.forget();
    base::log::info("enrolled {} as {}: key {}", answer.name, answer.role,
                    seal::key_id(*key).text());
    return json(wire::to_json(answer));
}

Outcome<Answer> Api::rotate(const Call &call) {
    const auto request = wire::read_rotate_request(TRY(body_of(call.request)), "rotate");
    if (!request)
        return invalid(request.error());
    auto answer = TRY(once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        return json(wire::to_json(TRY(control::rotate(t, call.caller, *request, now))));
    }));
    m_authenticator.forget();
    base::log::info("{} replaced its key {}", call.caller.name, call.caller.key.text());
    return answer;
}

Outcome<Answer> Api::revoke_keys(const Call &call) {
    const auto what = read_revocation(TRY(body_of(call.request)), "revoke");
    if (!what)
        return invalid(what.error());
    auto answer = TRY(once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        return json(to_json(TRY(control::revoke(t, m_desk, *what, now))));
    }));
    m_authenticator.forget();
    base::log::info("{} revoked {}", call.caller.name, what->who);
    return answer;
}

} // namespace control
