#include "control/offers.hpp"

#include "seal/hash.hpp"
#include "seal/token.hpp"

namespace control {

using base::Result;
using base::UtcTime;
using wire::JsonObject;
using wire::ReservationRequest;

namespace {

std::string context(const Offers::For &taker) {
    return "slotcast-offer-v1 " + taker.to +
           (taker.change_of ? " " + taker.change_of->text() : std::string());
}

struct Offer {
    UtcTime expires;
    Offers::Offered what;
};

Result<Offer> read_offer(std::string_view text) {
    const wire::Json json = TRY(wire::parse_json(text, "offer"));
    auto in = TRY(wire::ObjectReader::of(json, "offer"));
    Offer out;
    out.expires = TRY(in.time("expires"));
    out.what.request = TRY(wire::read_request(*TRY(in.value("request")), "request"));
    out.what.at_once = TRY(in.boolean_or("now", false));
    if (in.has("series"))
        out.what.series = TRY(base::Id::parse(TRY(in.string("series"))));
    return out;
}

} // namespace

Offers::Offers(const Keys &keys)
    : m_key(seal::ByteView{
          seal::hash256(seal::bytes_of("slotcast-offer-v1"), keys.signing.seed().view())}) {}

wire::Problem Offers::add(wire::Problem problem, const For &taker, const Offered &asked,
                          UtcTime now) const {
    if (!problem.alternatives.empty())
        problem.hint =
            fmt::format("resv-request {} --offer OFFER takes an alternative, for {}",
                        taker.change_of ? "change " + taker.change_of->text() : std::string("book"),
                        base::format_duration(k_offer_life));
    for (wire::Alternative &a : problem.alternatives) {
        ReservationRequest other = asked.request;
        other.start = a.start;
        other.end = a.end;
        other.channel = a.channel;
        other.carriers = a.carriers;
        other.rate = a.rate;
        other.viewers = a.viewers;
        a.expires = now + k_offer_life;
        JsonObject offer{{"expires", base::format_rfc3339(a.expires)},
                         {"request", wire::to_json(other)},
                         {"now", asked.at_once && a.start < now + k_offer_life}};
        if (asked.series)
            offer["series"] = asked.series->text();
        a.offer = seal::seal_token(m_key.view(), context(taker),
                                   seal::bytes_of(wire::compact_json(offer)));
    }
    return problem;
}

Outcome<Offers::Offered> Offers::open(const std::string &token, const For &taker,
                                      UtcTime now) const {
    const auto opened = seal::open_token(m_key.view(), context(taker), token);
    const auto offer =
        opened ? read_offer(seal::text_of(opened->view())) : std::unexpected(opened.error());
    if (!offer)
        return refuse(422, "bad_offer", "that is no offer of this control to you, for this",
                      "give it whole, as it was printed");
    if (now >= offer->expires)
        return refuse(410, "offer_expired",
                      "the offer was good until " + base::format_rfc3339(offer->expires),
                      "book again");
    return offer->what;
}

} // namespace control
