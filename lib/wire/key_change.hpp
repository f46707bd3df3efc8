// What a party and control say to each other when it replaces its keys.
#pragma once

#include "base/time.hpp"
#include "seal/keys.hpp"
#include "wire/json.hpp"

namespace wire {

/// Body of POST /v1/keys/rotate, which the key that is to be replaced signs.
struct RotateRequest {
    std::string sign_key;     ///< base64url, as in EnrolRequest
    std::string box_key;      ///< base64url
    seal::Signature proof{};  ///< by the new signing key, see rotation_proof()
    base::Seconds overlap{0}; ///< how long the former key stays good
};

/// The answer: from then on the new keys are the party's.
struct RotateAnswer {
    std::string name;
    std::string role;
    seal::KeyId key;
    seal::KeyId former_key;
    base::UtcTime former_until; ///< it is good before that
};

[[nodiscard]] Json to_json(const RotateRequest &request);
[[nodiscard]] base::Result<RotateRequest> read_rotate_request(const Json &json, std::string where);
[[nodiscard]] Json to_json(const RotateAnswer &answer);
[[nodiscard]] base::Result<RotateAnswer> read_rotate_answer(const Json &json, std::string where);

/// Shows that whoever sends @p sign's public key has the key, and means it for the owner of
/// @p former: Ed25519 over "slotcast-rotate-v1\0", @p former (8 bytes), the two public keys (32
/// bytes each).
[[nodiscard]] seal::Signature rotation_proof(const seal::SigningKey &sign,
                                             const seal::PublicKey &box, const seal::KeyId &former);
[[nodiscard]] bool is_rotation_proof(const seal::Signature &proof, const seal::PublicKey &sign,
                                     const seal::PublicKey &box, const seal::KeyId &former);

} // namespace wire
