#include "wire/key_change.hpp"

#include <algorithm>

namespace wire {

using base::Errc;
using base::Result;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view k_context = "slotcast-rotate-v1\0"sv;
constexpr std::int64_t k_longest_overlap_s = 7 * 24 * 3600;

seal::Bytes proven(const seal::PublicKey &sign, const seal::PublicKey &box,
                   const seal::KeyId &former) {
    seal::Bytes out(former.bytes.begin(), former.bytes.end());
    out.insert(out.end(), sign.begin(), sign.end());
    out.insert(out.end(), box.begin(), box.end());
    return out;
}

} // namespace

seal::Signature rotation_proof(const seal::SigningKey &sign, const seal::PublicKey &box,
                               const seal::KeyId &former) {
    return sign.sign(k_context, proven(sign.public_key(), box, former));
}

bool is_rotation_proof(const seal::Signature &proof, const seal::PublicKey &sign,
                       const seal::PublicKey &box, const seal::KeyId &former) {
    return seal::verify(sign, k_context, proven(sign, box, former), proof);
}

Json to_json(const RotateRequest &r) {
    return JsonObject{{"sign_key", r.sign_key},
                      {"box_key", r.box_key},
                      {"proof", seal::to_base64url(r.proof)},
                      {"overlap_s", r.overlap.count()}};
}

Result<RotateRequest> read_rotate_request(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    RotateRequest r;
    r.sign_key = TRY(in.string("sign_key", 64));
    r.box_key = TRY(in.string("box_key", 64));
    const auto proof = seal::from_base64url(TRY(in.string("proof", 128)));
    if (!proof || proof->size() != r.proof.size())
        return base::fail(Errc::bad_data, "{}: not a signature", in.where("proof"));
    std::ranges::copy(*proof, r.proof.begin());
    r.overlap = base::Seconds{TRY(in.integer("overlap_s", 0, k_longest_overlap_s))};
    TRY(in.finish());
    return r;
}

Json to_json(const RotateAnswer &a) {
    return JsonObject{{"name", a.name},
                      {"role", a.role},
                      {"key", a.key.text()},
                      {"former_key", a.former_key.text()},
                      {"former_until", base::format_rfc3339(a.former_until)}};
}

Result<RotateAnswer> read_rotate_answer(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    RotateAnswer out;
    out.name = TRY(in.string("name", 64));
    out.role = TRY(in.string("role", 32));
    out.key = TRY(seal::KeyId::parse(TRY(in.string("key", 16))));
    out.former_key = TRY(seal::KeyId::parse(TRY(in.string("former_key", 16))));
    out.former_until = TRY(in.time("former_until"));
    return out;
}

} // namespace wire
