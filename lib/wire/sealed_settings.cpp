// The envelope around a settings document; the document itself: settings.cpp.
#include "wire/settings.hpp"

#include <algorithm>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view k_context = "slotcast-settings-v1\0"sv;

Result<base::Id> read_id(ObjectReader &in) {
    const std::string text = TRY(in.string("reservation", 64));
    auto id = base::Id::parse(text);
    if (!id)
        return std::unexpected(std::move(id).error().in(in.where("reservation")));
    if (id->text() != text)
        return fail(Errc::bad_data, "{}: not in lower case", in.where("reservation"));
    return *id;
}

} // namespace

SealedSettings seal_settings(const Settings &settings, const seal::SigningKey &issuer,
                             const seal::PublicKey &recipient_box) {
    std::string document = canonical_json(to_json(settings));
    const seal::Signature signature = issuer.sign(k_context, seal::bytes_of(document));
    std::string text = fmt::format(R"({{"document":{},"signature":"{}"}})", document,
                                   seal::to_base64url(signature)); // canonical, too
    seal::wipe(document);
    const seal::Bytes sealed = seal::seal_to(recipient_box, seal::bytes_of(text));
    seal::wipe(text);
    return {settings.reservation, settings.recipient, seal::to_base64(sealed)};
}

Result<Settings> open_settings(const SealedSettings &sealed, const seal::BoxKey &box,
                               const seal::KeyId &recipient, const seal::PublicKey &issuer) {
    const auto bytes = seal::from_base64(sealed.sealed);
    if (!bytes)
        return fail(Errc::bad_data, "settings of {}: the sealed part is not base64",
                    sealed.reservation.text());
    auto opened = box.open(*bytes);
    if (!opened)
        return base::fail_hint(
            Errc::bad_data,
            "get them again with resv-request settings " + sealed.reservation.text(),
            "settings of {}: not sealed for this terminal, or damaged", sealed.reservation.text());
    const Json json = TRY(parse_json(seal::text_of(opened->view()), "settings"));
    auto in = TRY(ObjectReader::of(json, "settings"));
    const Json &document = *TRY(in.value("document"));
    const auto given = seal::from_base64url(TRY(in.string("signature", 128)));
    TRY(in.finish());
    seal::Signature signature{};
    if (!given || given->size() != signature.size())
        return fail(Errc::bad_data, "settings.signature: malformed");
    std::ranges::copy(*given, signature.begin());
    std::string signed_text = canonical_json(document);
    const bool good = seal::verify(issuer, k_context, seal::bytes_of(signed_text), signature);
    seal::wipe(signed_text);
    if (!good)
        return base::fail_hint(Errc::not_permitted,
                               "trust the control that made the booking with resv-store trust",
                               "settings of {}: not signed by the control this terminal trusts",
                               sealed.reservation.text());
    Settings s = TRY(read_settings(document));
    if (s.recipient != recipient || s.reservation != sealed.reservation ||
        sealed.recipient != recipient)
        return fail(Errc::bad_data, "settings of {}: made for another terminal or reservation",
                    sealed.reservation.text());
    return s;
}

Json to_json(const SealedSettings &s) {
    return JsonObject{{"type", "settings"},
                      {"v", 1},
                      {"reservation", s.reservation.text()},
                      {"recipient", s.recipient.text()},
                      {"sealed", s.sealed}};
}

Result<SealedSettings> read_sealed(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    if (const std::string type = TRY(in.string("type", 32)); type != "settings")
        return fail(Errc::bad_data, "{}: '{}' is not settings", in.where("type"), type);
    TRY(in.integer("v", 1, 1));
    SealedSettings s;
    s.reservation = TRY(read_id(in));
    s.recipient = TRY(seal::KeyId::parse(TRY(in.string("recipient", 16))));
    s.sealed = TRY(in.string("sealed", k_max_settings_bytes));
    TRY(in.finish());
    return s;
}

} // namespace wire
