#include "seal/ticket.hpp"

#include <algorithm>
#include <sodium.h>

namespace seal {

using base::Errc;
using base::fail;
using base::Result;

namespace {

using namespace std::string_view_literals;
constexpr std::string_view k_context = "slotcast-ticket-v1\0"sv;
constexpr std::uint8_t k_version = 1;
constexpr std::size_t k_body = k_ticket_bytes - sizeof(Signature);

class Writer {
  public:
    template <std::unsigned_integral T> void number(T value) {
        for (std::size_t i = sizeof(T); i-- > 0;)
            m_out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    void bytes(ByteView b) { m_out.insert(m_out.end(), b.begin(), b.end()); }
    Bytes take() { return std::move(m_out); }

  private:
    Bytes m_out;
};

class Reader {
  public:
    explicit Reader(ByteView in) : m_in(in) {}
    template <std::unsigned_integral T> T number() {
        T value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value = static_cast<T>((value << 8U) | m_in[m_at++]);
        return value;
    }
    template <std::size_t N> void bytes(std::array<std::uint8_t, N> &out) {
        std::copy_n(m_in.begin() + static_cast<std::ptrdiff_t>(m_at), N, out.begin());
        m_at += N;
    }

  private:
    ByteView m_in;
    std::size_t m_at = 0;
};

Bytes body_of(const Ticket &t) {
    Writer w;
    w.number(k_version);
    w.number(static_cast<std::uint8_t>(t.mode));
    w.number(t.flags);
    w.bytes(t.issuer.bytes);
    w.bytes(t.ticket_id);
    w.bytes(t.reservation.bytes);
    w.bytes(t.channel);
    w.number(static_cast<std::uint64_t>(base::unix_ms(t.not_before)));
    w.number(static_cast<std::uint64_t>(base::unix_ms(t.expiry)));
    w.number(t.max_kbps);
    w.number(t.generation);
    w.bytes(t.audience);
    return w.take();
}

} // namespace

std::string issue_ticket(Ticket ticket, const SigningKey &key) {
    ticket.issuer = key.id();
    Bytes all = body_of(ticket);
    const Signature signature = key.sign(k_context, all);
    all.insert(all.end(), signature.begin(), signature.end());
    return to_base64url(all);
}

Result<Ticket> open_ticket(std::string_view text, const PublicKey &issuer) {
    if (text.size() != k_ticket_text)
        return fail(Errc::bad_data, "not a ticket: {} characters instead of {}", text.size(),
                    k_ticket_text);
    const auto all = from_base64url(text);
    if (!all || all->size() != k_ticket_bytes)
        return fail(Errc::bad_data, "not a ticket: not base64url");
    Signature signature{};
    std::copy_n(all->begin() + k_body, signature.size(), signature.begin());
    const ByteView body{all->data(), k_body};
    Reader r{body};
    if (const auto version = r.number<std::uint8_t>(); version != k_version)
        return fail(Errc::bad_data, "ticket version {} is not known", version);
    Ticket t;
    const auto mode = r.number<std::uint8_t>();
    t.mode = static_cast<TicketMode>(mode);
    t.flags = r.number<std::uint16_t>();
    r.bytes(t.issuer.bytes);
    r.bytes(t.ticket_id);
    r.bytes(t.reservation.bytes);
    r.bytes(t.channel);
    const auto not_before = r.number<std::uint64_t>();
    const auto expiry = r.number<std::uint64_t>();
    t.max_kbps = r.number<std::uint32_t>();
    t.generation = r.number<std::uint32_t>();
    r.bytes(t.audience);
    if (t.issuer != key_id(issuer) || !verify(issuer, k_context, body, signature))
        return fail(Errc::not_permitted, "the ticket was not signed by this control");
    // Only now are the numbers control's own; still, a mode we do not know is refused.
    if (mode < 1 || mode > 3 || not_before >= expiry || expiry > 253402300799999ULL)
        return fail(Errc::bad_data, "the ticket's mode or window is not valid");
    t.not_before = base::from_unix_ms(static_cast<std::int64_t>(not_before));
    t.expiry = base::from_unix_ms(static_cast<std::int64_t>(expiry));
    return t;
}

std::string srt_passphrase(ByteView group_key, const std::array<std::uint8_t, 16> &ticket_id) {
    std::array<std::uint8_t, 24> out{};
    Bytes message{'s', 'r', 't', 0};
    message.insert(message.end(), ticket_id.begin(), ticket_id.end());
    crypto_generichash(out.data(), out.size(), message.data(), message.size(), group_key.data(),
                       group_key.size());
    return to_base64url(out);
}

namespace {

// `TICKET` or `TICKET.INSTANCE.PATH`.
Result<StreamId> parse_plain_stream_id(std::string_view text) {
    StreamId id;
    const std::size_t dot = text.find('.');
    id.ticket = text.substr(0, dot);
    if (id.ticket.size() != k_ticket_text || !from_base64url(id.ticket))
        return fail(Errc::bad_data, "the stream id holds no ticket");
    if (dot == std::string_view::npos)
        return id;
    const std::string_view rest = text.substr(dot + 1);
    const std::size_t second = rest.find('.');
    const auto instance = from_base64url(rest.substr(0, second));
    if (!instance || instance->size() != id.instance.size() || second == std::string_view::npos ||
        (rest.substr(second + 1) != "0" && rest.substr(second + 1) != "1"))
        return fail(Errc::bad_data, "the stream id is not TICKET.INSTANCE.PATH");
    std::ranges::copy(*instance, id.instance.begin());
    id.path = rest.back() == '1' ? 1 : 0;
    return id;
}

} // namespace

Result<StreamId> parse_stream_id(std::string_view text) {
    if (text.starts_with("#!::")) {
        for (std::string_view rest = text.substr(4); !rest.empty();) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            const std::string_view field = rest.substr(0, comma);
            if (field.starts_with("s="))
                return parse_plain_stream_id(field.substr(2));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
        return fail(Errc::bad_data, "the stream id has no s= field with a ticket");
    }
    return parse_plain_stream_id(text);
}

std::string format_stream_id(const StreamId &id) {
    return fmt::format("{}.{}.{}", id.ticket, to_base64url(id.instance), id.path);
}

} // namespace seal
