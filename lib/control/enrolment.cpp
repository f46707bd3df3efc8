#include "control/enrolment.hpp"

#include "control/accounts.hpp"

#include <set>

namespace control {

using base::Errc;
using base::Result;
using base::UtcTime;

namespace {

constexpr std::size_t k_token_bytes = 24;

Result<void> check_roles_agree(const std::optional<ledger::Party> &party, ledger::Role role) {
    if (!party || party->role == role)
        return {};
    return base::fail_hint(Errc::refused, "choose another name", "'{}' is enrolled as {}",
                           party->name, name(party->role));
}

// The keys that this party had are good no more.
Outcome<void> retire_keys(ledger::Transaction &t, const ledger::Party &party, UtcTime now) {
    for (ledger::FormerKey key : TRY(t.former_keys(party.name)))
        if (key.until > now) {
            key.until = now;
            TRY(t.put(key));
        }
    TRY(t.put(ledger::FormerKey{
        .sign_key = party.sign_key, .name = party.name, .until = now, .revoked = false}));
    return {};
}

// The lowest that is free, so that pools of addresses may be small.
Outcome<std::int64_t> free_account(ledger::Transaction &t, const Config &config) {
    std::set<std::int64_t> taken;
    for (const ledger::Party &party : TRY(t.parties()))
        taken.insert(party.account);
    std::int64_t out = 1;
    while (taken.contains(out))
        ++out;
    if (const auto full = carrier_without_address(config, out))
        return refuse(409, "no_address", fmt::format("the pool of carrier {} is used up", *full),
                      "the operator has to make it larger");
    return out;
}

} // namespace

bool is_box_key(const seal::PublicKey &key) {
    try {
        (void)seal::seal_to(key, {});
        return true;
    } catch (const std::invalid_argument &) {
        return false;
    }
}

Result<void> check_enrolment(ledger::Ledger &ledger, const Config &config, const std::string &name,
                             ledger::Role role) {
    if (!wire::is_plain_name(name))
        return base::fail(Errc::usage, "'{}' is not a name (1 to 32 of A-Z a-z 0-9 - _)",
                          name.substr(0, 40));
    if (role == ledger::Role::relay && !config.relays.contains(name))
        return base::fail_hint(Errc::usage, fmt::format("add [relays.{}] first", name),
                               "there is no relay '{}' in {}", name, config.file.native());
    return ledger.read([&](ledger::Transaction &t) -> Result<void> {
        return check_roles_agree(TRY(t.party_by_name(name)), role);
    });
}

Result<std::string> make_token(ledger::Ledger &ledger, const Config &config,
                               const std::string &name, ledger::Role role, UtcTime now) {
    TRY(check_enrolment(ledger, config, name, role));
    std::string token = seal::to_base64url(seal::random_bytes(k_token_bytes));
    TRY(ledger.write([&](ledger::Transaction &t) -> Result<void> {
        TRY(check_roles_agree(TRY(t.party_by_name(name)), role));
        return t.put(ledger::Token{.hash = seal::hash256(seal::bytes_of(token)),
                                   .name = name,
                                   .role = role,
                                   .expires = now + k_token_life,
                                   .used_by = {}});
    }));
    return token;
}

Outcome<wire::EnrolAnswer> enrol(ledger::Transaction &t, const Config &config, const Keys &keys,
                                 const wire::EnrolRequest &request, UtcTime now) {
    TRY(t.lock({"accounts"}, now));
    const auto sign_key = seal::public_key_from_text(request.sign_key);
    const auto box_key = seal::public_key_from_text(request.box_key);
    if (!sign_key || !box_key || !is_box_key(*box_key))
        return refuse(422, "bad_key", "sign_key or box_key is not a public key");
    auto token = TRY(t.token(seal::hash256(seal::bytes_of(request.token))));
    const seal::KeyId id = seal::key_id(*sign_key);
    if (!token || token->expires <= now)
        return refuse(403, "bad_token", "the token is not known, or older than 24 h",
                      "get a new one with resv-control enrol");
    if (token->used_by && *token->used_by != id)
        return refuse(403, "token_used", "the token was used with another key",
                      "get a new one with resv-control enrol");
    const auto before = TRY(t.party_by_name(token->name));
    TRY(check_roles_agree(before, token->role));
    const auto former = TRY(t.former_key(id));
    if (former && former->revoked)
        return refuse(403, "revoked_key", "that key was revoked", "make new keys");
    if (former && former->name != token->name)
        return refuse(409, "key_in_use", "that key was enrolled under another name");
    if (const auto holder = TRY(t.party_by_key(id)); holder && holder->name != token->name)
        return refuse(409, "key_in_use", "that key is enrolled under another name");
    // It repeats its answer, and gives no key its name back that another one took.
    if (token->used_by && (!before || before->id() != id))
        return refuse(403, "token_used", "the token was used, and the key of then was replaced",
                      "get a new one with resv-control enrol");
    if (before && before->id() != id)
        TRY(retire_keys(t, *before, now));
    const bool books = token->role == ledger::Role::distributor;
    TRY(t.put(ledger::Party{.name = token->name,
                            .role = token->role,
                            .sign_key = *sign_key,
                            .box_key = *box_key,
                            .enrolled = before && before->id() == id ? before->enrolled : now,
                            .seen = {},
                            .account = !books   ? 0
                                       : before ? before->account
                                                : TRY(free_account(t, config))}));
    token->used_by = id;
    TRY(t.put(*token));
    return wire::EnrolAnswer{.name = token->name,
                             .role = std::string(name(token->role)),
                             .control_key = seal::public_key_text(keys.signing.public_key()),
                             .group_key_sealed =
                                 token->role == ledger::Role::relay
                                     ? seal::to_base64(seal::seal_to(*box_key, keys.group.view()))
                                     : std::string()};
}

} // namespace control
