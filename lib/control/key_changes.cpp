#include "control/key_changes.hpp"

#include "control/enrolment.hpp"
#include "control/transact.hpp"

#include <algorithm>

namespace control {

using base::Result;
using base::UtcTime;
using ledger::FormerKey;
using ledger::Transaction;
using wire::Json;
using wire::JsonArray;
using wire::JsonObject;

Outcome<wire::RotateAnswer> rotate(Transaction &t, const Caller &caller,
                                   const wire::RotateRequest &request, UtcTime now) {
    const auto sign_key = seal::public_key_from_text(request.sign_key);
    const auto box_key = seal::public_key_from_text(request.box_key);
    if (!sign_key || !box_key || !is_box_key(*box_key))
        return refuse(422, "bad_key", "sign_key or box_key is not a public key");
    // As it is in this transaction, not as it was when the request came.
    auto party = TRY(t.party_by_name(caller.name));
    if (!party || party->id() != caller.key)
        return refuse(403, "former_key", "the key that signed this was replaced before",
                      "sign with the newest key");
    const seal::KeyId id = seal::key_id(*sign_key);
    if (!wire::is_rotation_proof(request.proof, *sign_key, *box_key, caller.key))
        return refuse(422, "bad_key", "proof is not sign_key's over the two keys");
    if (TRY(t.party_by_key(id)) || TRY(t.former_key(id)))
        return refuse(409, "key_in_use", "sign_key is, or was, enrolled", "make a new key");
    const FormerKey former{
        .sign_key = party->sign_key, .name = party->name, .until = now + request.overlap};
    TRY(t.put(former));
    party->sign_key = *sign_key;
    party->box_key = *box_key;
    TRY(t.put(*party));
    return wire::RotateAnswer{.name = party->name,
                              .role = std::string(name(party->role)),
                              .key = id,
                              .former_key = caller.key,
                              .former_until = former.until};
}

Result<Revocation> read_revocation(const Json &json, std::string where) {
    auto in = TRY(wire::ObjectReader::of(json, std::move(where)));
    Revocation out;
    out.who = TRY(in.string("who", 64));
    const std::string reservations = TRY(in.string("reservations", 16));
    if (reservations != "keep" && reservations != "revoke")
        return base::fail(base::Errc::bad_data, "{}: keep or revoke", in.where("reservations"));
    out.reservations = reservations == "revoke";
    TRY(in.finish());
    return out;
}

Json to_json(const Revoked &revoked) {
    JsonArray keys;
    for (const seal::KeyId &key : revoked.keys)
        keys.emplace_back(key.text());
    JsonArray reservations;
    for (const base::Id &id : revoked.reservations)
        reservations.emplace_back(id.text());
    return JsonObject{{"type", "revocation"},
                      {"v", 1},
                      {"name", revoked.name},
                      {"keys", std::move(keys)},
                      {"reservations", std::move(reservations)}};
}

namespace {

// Marks it, and says whether it was good until now.
Outcome<bool> revoke_former(Transaction &t, FormerKey key, UtcTime now) {
    const bool good = is_good(key, now);
    if (!key.revoked) {
        key.until = std::min(key.until, now);
        key.revoked = true;
        TRY(t.put(key));
    }
    return good;
}

Outcome<Revoked> revoke_party(Transaction &t, const std::string &name, UtcTime now) {
    Revoked out{.name = name, .keys = {}, .reservations = {}};
    for (const FormerKey &key : TRY(t.former_keys(name)))
        if (TRY(revoke_former(t, key, now)))
            out.keys.push_back(key.id());
    const auto party = TRY(t.party_by_name(name));
    if (!party)
        return out;
    TRY(t.put(FormerKey{.sign_key = party->sign_key, .name = name, .until = now, .revoked = true}));
    TRY(t.remove_party(name));
    out.keys.push_back(party->id());
    if (party->role == ledger::Role::relay)
        TRY(t.next_feed_serial(name)); // wakes its long polls, at every process
    return out;
}

Outcome<std::vector<base::Id>> revoke_reservations(Transaction &t, const Desk &desk,
                                                   const std::string &owner, UtcTime now) {
    std::vector<base::Id> ids;
    for (const ledger::Booking &b : TRY(t.bookings(owner)))
        if (occupies(resv::state_at(b.life, now)))
            ids.push_back(b.id);
    std::ranges::sort(ids); // all read in order first: see Transaction::lock
    std::vector<ledger::Booking> live;
    for (const base::Id &id : ids)
        if (auto b = TRY(t.booking(id)))
            live.push_back(*std::move(b));
    for (const ledger::Booking &b : live)
        TRY(desk.revoke(t, b, now));
    return ids;
}

} // namespace

Outcome<Revoked> revoke(Transaction &t, const Desk &desk, const Revocation &what, UtcTime now) {
    std::string name = what.who;
    if (const auto key = seal::KeyId::parse(what.who)) {
        if (const auto former = TRY(t.former_key(*key));
            former && TRY(t.party_by_name(former->name))) {
            const bool good = TRY(revoke_former(t, *former, now));
            return Revoked{.name = former->name,
                           .keys = good ? std::vector{*key} : std::vector<seal::KeyId>{},
                           .reservations = {}};
        } else if (former) {
            name = former->name;
        } else if (const auto party = TRY(t.party_by_key(*key))) {
            name = party->name;
        }
    }
    if (!TRY(t.party_by_name(name)) && TRY(t.former_keys(name)).empty())
        return refuse(404, "not_found", "there is no such party or key",
                      "resv-control keys shows them");
    Revoked out = TRY(revoke_party(t, name, now));
    if (what.reservations)
        out.reservations = TRY(revoke_reservations(t, desk, name, now));
    return out;
}

Result<Revoked> revoke(ledger::Ledger &ledger, const Config &config, const Revocation &what,
                       UtcTime now, bool dry_run) {
    const Desk desk{config};
    std::optional<Revoked> done;
    const auto outcome = transact(ledger, [&](Transaction &t) -> Outcome<void> {
        done = TRY(revoke(t, desk, what, now));
        if (dry_run)
            return refuse(409, "refused", "only asked");
        return {};
    });
    if (!outcome && !(dry_run && done))
        return base::fail_hint(outcome.error().problem.status == 404 ? base::Errc::refused
                                                                     : base::Errc::io,
                               outcome.error().problem.hint, "{}", outcome.error().problem.detail);
    return *std::move(done);
}

Result<std::vector<Json>> key_records(ledger::Ledger &ledger, UtcTime now) {
    std::vector<Json> out;
    const auto record = [](const seal::KeyId &id, const std::string &name, std::string_view state) {
        return JsonObject{
            {"type", "key"}, {"v", 1}, {"key_id", id.text()}, {"name", name}, {"state", state}};
    };
    TRY(ledger.read([&](Transaction &t) -> Result<void> {
        for (const ledger::Party &party : TRY(t.parties())) {
            JsonObject one = record(party.id(), party.name, "good");
            one["role"] = name(party.role);
            one["enrolled"] = base::format_rfc3339(party.enrolled);
            out.emplace_back(std::move(one));
        }
        for (const FormerKey &key : TRY(t.former_keys(""))) {
            JsonObject one = record(key.id(), key.name,
                                    key.revoked         ? "revoked"
                                    : is_good(key, now) ? "replaced"
                                                        : "over");
            one["until"] = base::format_rfc3339(key.until);
            out.emplace_back(std::move(one));
        }
        return {};
    }));
    return out;
}

} // namespace control
