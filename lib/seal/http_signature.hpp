// HTTP message signatures (RFC 9421, Ed25519) and Content-Digest (RFC 9530) for control's API.
#pragma once

#include "base/time.hpp"
#include "seal/keys.hpp"

#include <optional>
#include <span>

namespace seal {

/// The parts of a request that are signed. `@method @authority @path @query` always; the two
/// fields when they are there.
struct HttpParts {
    std::string method;    ///< upper case
    std::string authority; ///< host, with the port unless it is the scheme's default, lower case
    std::string path;      ///< as sent, starting with '/'
    std::string query;     ///< with the leading '?'; a lone "?" when there is none (RFC 9421 2.2.7)
    std::optional<std::string> content_digest; ///< the field's value; must be there with a body
    std::optional<std::string> idempotency_key;
};

/// One component that a signature covers. The name is as it stands between the quotes.
struct SignedField {
    std::string_view name;
    std::string_view value;
};

/// What a signature of ours covers of @p parts, in this order; borrowed from @p parts.
[[nodiscard]] std::vector<SignedField> signed_fields(const HttpParts &parts);

/// What is signed (RFC 9421, section 2.5). @p params is the inner list with its parameters, as in
/// Signature-Input.
[[nodiscard]] std::string signature_base(std::span<const SignedField> fields,
                                         std::string_view params);

struct SignatureFields {
    std::string signature_input; ///< value of Signature-Input
    std::string signature;       ///< value of Signature
};

/// `sha-256=:…:` of @p body.
[[nodiscard]] std::string content_digest(std::string_view body);
/// True when @p field carries a sha-256 digest and it is @p body's.
[[nodiscard]] bool content_digest_matches(std::string_view field, std::string_view body);

/// Signs with label `sig1`, created = @p now, expires = now + 60 s, a fresh 16 byte nonce, keyid =
/// the key id in hex, alg "ed25519".
[[nodiscard]] SignatureFields sign_request(const HttpParts &parts, const SigningKey &key,
                                           base::UtcTime now);

/// What a request claims of its signature, before any key is looked up.
struct SignatureClaim {
    KeyId key;
    std::string nonce;
    base::UtcTime created;
    base::UtcTime expires;
    std::string params;                  ///< the inner list and parameters, as signed
    std::vector<std::string> components; ///< names, in order
    Signature signature{};
};

/// Reads the two fields. protocol: malformed, unknown algorithm, a needed component not covered
/// (see HttpParts), or expires - created over 60 s.
[[nodiscard]] base::Result<SignatureClaim> read_claim(const HttpParts &parts,
                                                      const SignatureFields &fields);

/// not_permitted: expired, from the future by over 30 s, or not @p key's over @p parts. The
/// caller looks the key up by claim.key and remembers nonces until they expire.
[[nodiscard]] base::Result<void> verify_request(const HttpParts &parts, const SignatureClaim &claim,
                                                const PublicKey &key, base::UtcTime now);

} // namespace seal
