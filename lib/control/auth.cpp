#include "control/auth.hpp"

#include "control/transact.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;

namespace {

constexpr std::size_t k_max_key = 64;
constexpr base::Seconds k_lately{1};
constexpr std::size_t k_most_signers = 10'000;

// RFC 9421 section 2.2.3: in lower case, and without the port that https has anyway.
std::string authority_of(const net::Request &r) {
    constexpr std::string_view k_default_port = ":443";
    std::string authority = r.header("Host").value_or("");
    std::ranges::transform(authority, authority.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (authority.ends_with(k_default_port))
        authority.resize(authority.size() - k_default_port.size());
    return authority;
}

seal::HttpParts parts_of(const net::Request &r) {
    return {.method = r.method,
            .authority = authority_of(r),
            .path = r.path,
            .query = "?" + r.query,
            .content_digest = r.header("Content-Digest"),
            .idempotency_key = r.header("Idempotency-Key")};
}

Outcome<void> check_digest(const net::Request &r) {
    const auto digest = r.header("Content-Digest");
    if (!digest && r.body.empty())
        return {};
    if (!digest || !seal::content_digest_matches(*digest, r.body))
        return refuse(400, "bad_digest", "Content-Digest is not the body's sha-256");
    return {};
}

Outcome<seal::SignatureClaim> claim_of(const net::Request &r, const seal::HttpParts &parts) {
    const auto input = r.header("Signature-Input");
    const auto signature = r.header("Signature");
    if (!input || !signature)
        return refuse(401, "unsigned", "the request carries no signature (RFC 9421)",
                      "enrol, and sign with the enrolled key");
    const auto claim = seal::read_claim(parts, {*input, *signature});
    if (!claim)
        return refuse(401, "bad_signature", claim.error().message);
    return *claim;
}

Outcome<void> verify(const seal::HttpParts &parts, const seal::SignatureClaim &claim,
                     const seal::PublicKey &key, UtcTime now) {
    const auto good = seal::verify_request(parts, claim, key, now);
    if (good)
        return {};
    return refuse(401, now >= claim.expires ? "signature_expired" : "bad_signature",
                  good.error().message, good.error().hint);
}

} // namespace

bool NonceCache::use(const seal::KeyId &key, const std::string &nonce, UtcTime expires,
                     UtcTime now) {
    const std::scoped_lock lock{m_mutex};
    if (now >= m_next_sweep) {
        std::erase_if(m_used, [now](const auto &used) { return used.second <= now; });
        m_next_sweep = now + base::Seconds{10};
    }
    return m_used.emplace(std::pair{key, nonce}, expires).second;
}

Outcome<Signer> find_signer(ledger::Transaction &t, const seal::KeyId &key, UtcTime now) {
    if (auto party = TRY(t.party_by_key(key))) {
        const seal::PublicKey sign_key = party->sign_key;
        return Signer{.party = *std::move(party), .key = sign_key};
    }
    const auto former = TRY(t.former_key(key));
    if (former && former->revoked)
        return refuse(401, "revoked_key",
                      fmt::format("key {} was revoked at {}", key.text(),
                                  base::format_rfc3339(former->until)),
                      "ask who runs this control");
    if (former && is_good(*former, now))
        if (auto party = TRY(t.party_by_name(former->name)))
            return Signer{.party = *std::move(party), .key = former->sign_key};
    if (former)
        return refuse(401, "unknown_key",
                      fmt::format("key {} was replaced, and was good until {}", key.text(),
                                  base::format_rfc3339(former->until)),
                      "use the key that took its place, or enrol with a new token");
    return refuse(401, "unknown_key", fmt::format("key {} is not enrolled here", key.text()),
                  "enrol it with a token of resv-control enrol");
}

std::optional<Signer> SignerCache::find(const seal::KeyId &key, UtcTime now) {
    const std::scoped_lock lock{m_mutex};
    const auto seen = m_seen.find(key);
    if (seen == m_seen.end() || now < seen->second.at || now >= seen->second.at + k_lately)
        return std::nullopt;
    return seen->second.signer;
}

void SignerCache::keep(const seal::KeyId &key, const Signer &signer, UtcTime now) {
    const std::scoped_lock lock{m_mutex};
    if (m_seen.size() >= k_most_signers)
        m_seen.clear();
    m_seen.insert_or_assign(key, Seen{signer, now});
}

void SignerCache::clear() {
    const std::scoped_lock lock{m_mutex};
    m_seen.clear();
}

Outcome<Signer> Authenticator::signer(const seal::KeyId &key, UtcTime now, Freshness freshness) {
    if (freshness == Freshness::lately)
        if (auto known = m_signers.find(key, now))
            return *std::move(known);
    Signer found = TRY(examine(
        m_ledger, [&](ledger::Transaction &t) { return find_signer(t, key, now); },
        &ledger::Ledger::peek));
    m_signers.keep(key, found, now);
    return found;
}

Outcome<void> Authenticator::confirm(ledger::Transaction &t, const Caller &caller, UtcTime now) {
    const auto found = find_signer(t, caller.key, now);
    if (!found || found->party.name != caller.name || found->party.role != caller.role ||
        found->party.sign_key != caller.sign_key)
        m_signers.clear();
    TRY(found);
    if (found->party.name == caller.name && found->party.role == caller.role)
        return {};
    return refuse(401, "unknown_key",
                  fmt::format("key {} was given to another just now", caller.key.text()),
                  "ask once more");
}

Outcome<Caller> Authenticator::caller(const net::Request &request, UtcTime now,
                                      Freshness freshness) {
    const auto parts = parts_of(request);
    const auto claim = TRY(claim_of(request, parts));
    Signer signer = TRY(this->signer(claim.key, now, freshness));
    TRY(verify(parts, claim, signer.key, now));
    TRY(check_digest(request));
    if (!m_nonces.use(claim.key, claim.nonce, claim.expires, now))
        return refuse(401, "replayed", "this signed request was received before",
                      "sign each request anew");
    return Caller{std::move(signer.party), claim.key};
}

Outcome<void> verify_self_signed(const net::Request &request, const seal::PublicKey &key,
                                 UtcTime now) {
    const auto parts = parts_of(request);
    const auto claim = TRY(claim_of(request, parts));
    TRY(verify(parts, claim, key, now));
    return check_digest(request);
}

Outcome<std::string> idempotency_key(const net::Request &request) {
    const auto field = request.header("Idempotency-Key");
    if (!field)
        return refuse(400, "idempotency_key_missing",
                      "what changes something needs an Idempotency-Key",
                      "send Idempotency-Key: \"…\", the same again only to repeat this request");
    std::string_view text = *field;
    const bool quoted = text.size() > 2 && text.front() == '"' && text.back() == '"';
    text = quoted ? text.substr(1, text.size() - 2) : std::string_view{};
    const bool plain = std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
    if (!quoted || text.size() > k_max_key || !plain)
        return refuse(400, "idempotency_key_bad",
                      "Idempotency-Key is one quoted string of 1 to 64 of A-Z a-z 0-9 - _");
    return std::string(text);
}

} // namespace control
