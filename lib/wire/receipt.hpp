// The receipt: what a relay took in and gave out of one event, signed. See slotcast-feed(5).
#pragma once

#include "base/id.hpp"
#include "seal/keys.hpp"
#include "wire/json.hpp"

namespace wire {

/// Of a reservation of which a publisher was admitted; made when its window has closed, or it was
/// withdrawn.
struct Receipt {
    base::Id reservation;
    std::string relay;
    base::UtcTime admitted;                   ///< the first publisher
    std::optional<base::UtcTime> first_media; ///< nothing: none came
    base::UtcTime ended;                      ///< the window closed, or it was withdrawn
    std::int64_t gaps = 0;                    ///< times that the programme was cut and went on
    std::int64_t bytes_in = 0;                ///< of TS, once of all paths
    std::int64_t bytes_out = 0;               ///< to viewers
    std::int64_t payloads_lost = 0;           ///< numbered ones that came over no path
    std::int64_t peak_viewers = 0;            ///< places taken at a time
    bool operator==(const Receipt &) const = default;
};

/// One with who signed it, and the signature: the record `{"type":"receipt","v":1,…}`.
struct SignedReceipt {
    Receipt receipt;
    seal::KeyId signer;
    seal::Signature signature{};
    bool operator==(const SignedReceipt &) const = default;
};

/// Ed25519 over "slotcast-receipt-v1\0" + RFC 8785 form of the record without `signature`.
[[nodiscard]] SignedReceipt sign(const Receipt &receipt, const seal::SigningKey &relay);
/// True when @p key, whose id is the signer's, signed it.
[[nodiscard]] bool is_signed_by(const SignedReceipt &receipt, const seal::PublicKey &key);

[[nodiscard]] Json to_json(const SignedReceipt &receipt);
/// bad_data: malformed, has more than these members, or ends before it begins. Says nothing of the
/// signature.
[[nodiscard]] base::Result<SignedReceipt> read_receipt(const Json &json, std::string where);

} // namespace wire
