#include "wire/receipt.hpp"

#include <algorithm>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view k_context = "slotcast-receipt-v1\0"sv;

JsonObject unsigned_form(const Receipt &r, const seal::KeyId &signer) {
    JsonObject out{{"type", "receipt"},
                   {"v", 1},
                   {"reservation", r.reservation.text()},
                   {"relay", r.relay},
                   {"admitted", base::format_rfc3339(r.admitted)},
                   {"ended", base::format_rfc3339(r.ended)},
                   {"gaps", r.gaps},
                   {"bytes_in", r.bytes_in},
                   {"bytes_out", r.bytes_out},
                   {"payloads_lost", r.payloads_lost},
                   {"peak_viewers", r.peak_viewers},
                   {"signer", signer.text()}};
    if (r.first_media)
        out["first_media"] = base::format_rfc3339(*r.first_media);
    return out;
}

std::string signed_text(const Receipt &r, const seal::KeyId &signer) {
    return canonical_json(unsigned_form(r, signer));
}

Result<seal::Signature> read_signature(ObjectReader &in) {
    const auto given = seal::from_base64url(TRY(in.string("signature", 128)));
    seal::Signature out{};
    if (!given || given->size() != out.size())
        return fail(Errc::bad_data, "{}: malformed", in.where("signature"));
    std::ranges::copy(*given, out.begin());
    return out;
}

} // namespace

SignedReceipt sign(const Receipt &receipt, const seal::SigningKey &relay) {
    return {.receipt = receipt,
            .signer = relay.id(),
            .signature = relay.sign(k_context, seal::bytes_of(signed_text(receipt, relay.id())))};
}

bool is_signed_by(const SignedReceipt &r, const seal::PublicKey &key) {
    return seal::key_id(key) == r.signer &&
           seal::verify(key, k_context, seal::bytes_of(signed_text(r.receipt, r.signer)),
                        r.signature);
}

Json to_json(const SignedReceipt &r) {
    JsonObject out = unsigned_form(r.receipt, r.signer);
    out["signature"] = seal::to_base64url(r.signature);
    return out;
}

Result<SignedReceipt> read_receipt(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    if (TRY(in.string("type", 16)) != "receipt")
        return fail(Errc::bad_data, "{}: not receipt", in.where("type"));
    TRY(in.integer("v", 1, 1));
    SignedReceipt out;
    Receipt &r = out.receipt;
    r.reservation = TRY(base::Id::parse(TRY(in.string("reservation", 64))));
    r.relay = TRY(in.string("relay", 32));
    r.admitted = TRY(in.time("admitted"));
    r.first_media = TRY(in.optional_time("first_media"));
    r.ended = TRY(in.time("ended"));
    r.gaps = TRY(in.integer("gaps"));
    r.bytes_in = TRY(in.integer("bytes_in"));
    r.bytes_out = TRY(in.integer("bytes_out"));
    r.payloads_lost = TRY(in.integer("payloads_lost"));
    r.peak_viewers = TRY(in.integer("peak_viewers"));
    out.signer = TRY(seal::KeyId::parse(TRY(in.string("signer", 64))));
    out.signature = TRY(read_signature(in));
    TRY(in.finish());
    if (r.ended < r.admitted || (r.first_media && *r.first_media < r.admitted))
        return fail(Errc::bad_data, "{}: before it was admitted", in.where("ended"));
    return out;
}

} // namespace wire
