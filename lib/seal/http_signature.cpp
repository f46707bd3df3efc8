#include "seal/http_signature.hpp"

#include <algorithm>
#include <charconv>
#include <sodium.h>

namespace seal {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;

namespace {

constexpr std::chrono::seconds k_lifetime{60};
constexpr std::chrono::seconds k_future_tolerance{30};
constexpr std::size_t k_max_field = 2048;
constexpr std::size_t k_max_nonce = 64;

// The value a component has in @p parts; nullopt for one that is absent or not of our set.
std::optional<std::string_view> component(const HttpParts &parts, std::string_view name) {
    if (name == "@method")
        return parts.method;
    if (name == "@authority")
        return parts.authority;
    if (name == "@path")
        return parts.path;
    if (name == "@query")
        return parts.query;
    if (name == "content-digest" && parts.content_digest)
        return *parts.content_digest;
    if (name == "idempotency-key" && parts.idempotency_key)
        return *parts.idempotency_key;
    return std::nullopt;
}

std::int64_t unix_seconds(base::UtcTime t) {
    return std::chrono::floor<base::Seconds>(t).time_since_epoch().count();
}

// Reads the forms of RFC 8941 that the two fields are made of, from left to right.
class FieldReader {
  public:
    explicit FieldReader(std::string_view text) : m_rest(text) {}

    [[nodiscard]] bool take(std::string_view expected) {
        if (!m_rest.starts_with(expected))
            return false;
        m_rest.remove_prefix(expected.size());
        return true;
    }
    // A dictionary key or parameter name; empty when there is none.
    [[nodiscard]] std::string_view key() {
        std::size_t n = 0;
        while (n < m_rest.size() &&
               (is_lower(m_rest[n]) || (n > 0 && (is_digit(m_rest[n]) || m_rest[n] == '-' ||
                                                  m_rest[n] == '_' || m_rest[n] == '.'))))
            ++n;
        return cut(n);
    }
    // An sf-string without escapes, which nothing of ours needs.
    [[nodiscard]] std::optional<std::string_view> string() {
        if (!take("\""))
            return std::nullopt;
        const std::size_t end = m_rest.find_first_of("\"\\");
        if (end == std::string_view::npos || m_rest[end] != '"')
            return std::nullopt;
        const std::string_view text = cut(end);
        m_rest.remove_prefix(1);
        return text;
    }
    [[nodiscard]] std::optional<std::int64_t> integer() {
        std::int64_t value = 0;
        const auto [end, error] =
            std::from_chars(m_rest.data(), m_rest.data() + m_rest.size(), value);
        const auto digits = static_cast<std::size_t>(end - m_rest.data());
        if (error != std::errc{} || digits > 12 || value < 0)
            return std::nullopt;
        m_rest.remove_prefix(digits);
        return value;
    }
    [[nodiscard]] std::string_view rest() const { return m_rest; }

  private:
    static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }
    std::string_view cut(std::size_t n) {
        const std::string_view head = m_rest.substr(0, n);
        m_rest.remove_prefix(n);
        return head;
    }
    std::string_view m_rest;
};

std::unexpected<base::Error> malformed(std::string_view what) {
    return fail(Errc::protocol, "Signature-Input: {}", what);
}

// `("@method" "@authority" …)`
Result<std::vector<std::string>> read_components(FieldReader &in) {
    std::vector<std::string> names;
    if (!in.take("("))
        return malformed("expected a list of components");
    while (!in.take(")")) {
        if (!names.empty() && !in.take(" "))
            return malformed("components are parted by one space and have no parameters");
        const auto name = in.string();
        if (!name || names.size() == 16)
            return malformed("expected a component's name");
        names.emplace_back(*name);
    }
    return names;
}

// `;created=…;expires=…;nonce="…";keyid="…";alg="ed25519"` in any order, each once.
Result<void> read_params(FieldReader &in, SignatureClaim &claim) {
    std::vector<std::string_view> seen;
    while (in.take(";")) {
        const std::string_view name = in.key();
        if (std::ranges::find(seen, name) != seen.end() || !in.take("="))
            return malformed("a parameter without a value, or twice");
        seen.push_back(name);
        if (name == "created" || name == "expires") {
            const auto seconds = in.integer();
            if (!seconds)
                return malformed("created and expires are seconds since 1970");
            (name == "created" ? claim.created : claim.expires) =
                base::UtcTime{base::Seconds{*seconds}};
            continue;
        }
        const auto text = in.string();
        if (!text)
            return malformed("expected a quoted value");
        if (name == "keyid") {
            const auto id = KeyId::parse(*text);
            if (!id)
                return malformed("keyid is not 16 hexadecimal digits");
            claim.key = *id;
        } else if (name == "nonce") {
            claim.nonce = *text;
        } else if (name != "alg") {
            return malformed("an unknown parameter");
        } else if (*text != "ed25519") {
            return malformed("the algorithm is not ed25519");
        }
    }
    if (seen.size() != 5)
        return malformed("created, expires, nonce, keyid and alg must all be there");
    if (claim.nonce.size() < 8 || claim.nonce.size() > k_max_nonce)
        return malformed("the nonce has 8 to 64 characters");
    return {};
}

Result<void> check_coverage(const HttpParts &parts, const std::vector<std::string> &covered) {
    for (const SignedField &needed : signed_fields(parts))
        if (std::ranges::find(covered, needed.name) == covered.end())
            return fail(Errc::protocol, "Signature-Input: {} is not covered", needed.name);
    for (const std::string &name : covered) {
        const auto value = component(parts, name);
        if (!value)
            return fail(Errc::protocol, "Signature-Input: covers {}, which the request has not",
                        name);
        if (std::ranges::count(covered, name) > 1)
            return fail(Errc::protocol, "Signature-Input: covers {} twice", name);
        // A line break in a value would let one component pass for two.
        if (value->find_first_of("\r\n") != std::string_view::npos)
            return fail(Errc::protocol, "Signature-Input: {} holds a line break", name);
    }
    return {};
}

Result<Signature> read_signature(std::string_view field, std::string_view label) {
    FieldReader in{field};
    if (in.key() != label || !in.take("=:") || !in.rest().ends_with(':'))
        return fail(Errc::protocol, "Signature: expected {}=:base64:", label);
    const auto bytes = from_base64(in.rest().substr(0, in.rest().size() - 1));
    Signature out{};
    if (!bytes || bytes->size() != out.size())
        return fail(Errc::protocol, "Signature: not the 64 bytes of an Ed25519 signature");
    std::ranges::copy(*bytes, out.begin());
    return out;
}

// The components that a claim names; it was checked that the request has them.
std::vector<SignedField> claimed_fields(const HttpParts &parts, const SignatureClaim &claim) {
    std::vector<SignedField> out;
    for (const std::string &name : claim.components)
        out.push_back({name, component(parts, name).value_or("")});
    return out;
}

} // namespace

std::vector<SignedField> signed_fields(const HttpParts &parts) {
    static constexpr std::array<std::string_view, 6> k_ours{
        "@method", "@authority", "@path", "@query", "content-digest", "idempotency-key"};
    std::vector<SignedField> out;
    for (const std::string_view name : k_ours)
        if (const auto value = component(parts, name))
            out.push_back({name, *value});
    return out;
}

// One line a component, the parameters last, no newline at the end.
std::string signature_base(std::span<const SignedField> fields, std::string_view params) {
    std::string out;
    for (const SignedField &field : fields)
        out += fmt::format("\"{}\": {}\n", field.name, field.value);
    out += fmt::format("\"@signature-params\": {}", params);
    return out;
}

std::string content_digest(std::string_view body) {
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
    const ByteView bytes = bytes_of(body);
    crypto_hash_sha256(hash.data(), bytes.data(), bytes.size());
    return fmt::format("sha-256=:{}:", to_base64(hash));
}

bool content_digest_matches(std::string_view field, std::string_view body) {
    const std::string wanted = content_digest(body);
    std::size_t found = 0;
    while (!field.empty()) {
        const std::size_t comma = std::min(field.find(','), field.size());
        std::string_view member = field.substr(0, comma);
        field.remove_prefix(std::min(comma + 1, field.size()));
        member.remove_prefix(std::min(member.find_first_not_of(" \t"), member.size()));
        while (member.ends_with(' ') || member.ends_with('\t'))
            member.remove_suffix(1);
        if (!member.starts_with("sha-256="))
            continue; // a digest of another algorithm says nothing against this one
        if (member != wanted)
            return false;
        ++found;
    }
    return found == 1;
}

SignatureFields sign_request(const HttpParts &parts, const SigningKey &key, base::UtcTime now) {
    const std::vector<SignedField> fields = signed_fields(parts);
    std::string list;
    for (const SignedField &field : fields)
        list += fmt::format("{}\"{}\"", list.empty() ? "" : " ", field.name);
    const std::int64_t created = unix_seconds(now);
    const std::string params = fmt::format(
        "({});created={};expires={};nonce=\"{}\";keyid=\"{}\";alg=\"ed25519\"", list, created,
        created + k_lifetime.count(), to_base64url(random_bytes(16)), key.id().text());
    const Signature signature = key.sign("", bytes_of(signature_base(fields, params)));
    return {.signature_input = "sig1=" + params,
            .signature = fmt::format("sig1=:{}:", to_base64(signature))};
}

Result<SignatureClaim> read_claim(const HttpParts &parts, const SignatureFields &fields) {
    if (fields.signature_input.size() > k_max_field || fields.signature.size() > k_max_field)
        return malformed("too long");
    FieldReader in{fields.signature_input};
    const std::string_view label = in.key();
    if (label.empty() || !in.take("="))
        return malformed("expected label=(…)");
    SignatureClaim claim;
    claim.params = in.rest();
    claim.components = TRY(read_components(in));
    TRY(read_params(in, claim));
    if (!in.rest().empty()) // a second signature would be one that nobody checks
        return malformed("more after the parameters");
    if (claim.expires <= claim.created || claim.expires - claim.created > k_lifetime)
        return malformed("valid for more than 60 s, or for no time");
    TRY(check_coverage(parts, claim.components));
    claim.signature = TRY(read_signature(fields.signature, label));
    return claim;
}

Result<void> verify_request(const HttpParts &parts, const SignatureClaim &claim,
                            const PublicKey &key, base::UtcTime now) {
    if (now >= claim.expires || claim.created > now + k_future_tolerance)
        return fail_hint(Errc::not_permitted, "set this machine's clock by NTP",
                         "the request was signed at {} and it is {}",
                         base::format_rfc3339(claim.created), base::format_rfc3339(now));
    const std::string text = signature_base(claimed_fields(parts, claim), claim.params);
    if (key_id(key) != claim.key || !verify(key, "", bytes_of(text), claim.signature))
        return fail(Errc::not_permitted, "the request's signature is not that of key {}",
                    claim.key.text());
    return {};
}

} // namespace seal
