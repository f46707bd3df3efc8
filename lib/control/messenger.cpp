#include "control/messenger.hpp"

#include "control/credentials.hpp"
#include "control/notices.hpp"
#include "ical/calendar.hpp"
#include "net/http_client.hpp"
#include "seal/hash.hpp"
#include "wire/notify.hpp"

#include <algorithm>

namespace control {

using base::Errc;
using base::fail;
using base::Result;
using base::UtcTime;
using ledger::Notice;

namespace {

constexpr base::Millis k_timeout{20'000};
constexpr std::size_t k_max_answer = 65'536; // of a webhook; nobody reads it

// What `event` means, for people.
std::string_view words(std::string_view event) {
    if (event == name(Event::booked))
        return "is booked";
    if (event == name(Event::changed))
        return "was changed";
    if (event == name(Event::cancelled))
        return "was cancelled";
    return "has started";
}

ical::Event event_of(const Told &told, UtcTime now) {
    const bool off = told.state == resv::State::cancelled || told.state == resv::State::revoked ||
                     told.state == resv::State::expired || told.state == resv::State::no_show;
    return {.uid = told.id.text() + "@slotcast",
            .sequence = told.revision,
            .stamp = now,
            .start = told.start,
            .end = told.end,
            .summary = told.title.empty() ? "Live stream" : told.title,
            .url = told.viewer_url,
            .cancelled = off,
            .tentative = told.state == resv::State::held};
}

// The password's first line, read each time: it may change, and is not kept.
Result<std::string> password_of(const MailSite &site) {
    if (site.user.empty())
        return std::string{};
    return read_private_line(site.password_file);
}

class RealMessenger final : public Messenger {
  public:
    RealMessenger(const Config &config, const Keys &keys)
        : m_notify(config.notify), m_key(webhook_key(keys)) {}

    Result<void> tell(const Notice &notice, UtcTime now,
                      const std::atomic<bool> &cancelled) override {
        const auto target = TRY(wire::parse_notify(notice.target));
        if (target.kind == wire::NotifyTarget::Kind::mail) {
            if (m_notify.mail)
                return mail(notice, target.address, now, cancelled);
        } else if (m_notify.webhooks) {
            return webhook(notice, target, now, cancelled);
        }
        return fail(Errc::refused, "no longer configured");
    }

  private:
    Result<void> mail(const Notice &notice, const std::string &to, UtcTime now,
                      const std::atomic<bool> &cancelled) const {
        const MailSite &site = *m_notify.mail;
        const Told told = TRY(read_told(TRY(wire::parse_json(notice.body, "notice")), "notice"));
        ical::Event event = event_of(told, now);
        event.organizer = site.from;
        event.attendee = to;
        const auto method =
            notice.event == name(Event::cancelled) ? ical::Method::cancel : ical::Method::request;
        std::string password = TRY(password_of(site));
        const net::MailServer server{.host = site.host,
                                     .port = site.port,
                                     .tls = site.tls,
                                     .cacert = site.cacert.native(),
                                     .user = site.user,
                                     .password = password,
                                     .timeout = k_timeout};
        seal::wipe(password);
        return net::send_mail(
            server,
            {.from = site.from,
             .to = to,
             .subject = header_text(fmt::format("{} {}", event.summary, words(notice.event))),
             .message_id = notice.id.text() + site.from.substr(site.from.find('@')),
             .date = notice.created,
             .text =
                 fmt::format("{} {}.\n\nStart: {}\nEnd:   {}\nWatch: {}\n\nReservation {}\n",
                             event.summary, words(notice.event), base::format_rfc3339(told.start),
                             base::format_rfc3339(told.end), told.viewer_url, told.id.text()),
             .calendar = ical::event_calendar(event, method),
             .method = std::string(ical::name(method))},
            cancelled);
    }

    // Standard Webhooks: the signature is over id, time and body.
    Result<void> webhook(const Notice &notice, const wire::NotifyTarget &target, UtcTime now,
                         const std::atomic<bool> &cancelled) const {
        const wire::Json told = TRY(wire::parse_json(notice.body, "notice"));
        const std::string body =
            wire::compact_json(wire::JsonObject{{"type", notice.event},
                                                {"timestamp", base::format_rfc3339(notice.created)},
                                                {"data", told}});
        const std::string id = "msg_" + notice.id.text();
        const auto seconds =
            std::to_string(std::chrono::floor<base::Seconds>(now).time_since_epoch().count());
        const seal::Signature signature =
            m_key.sign("", seal::bytes_of(fmt::format("{}.{}.{}", id, seconds, body)));
        auto client = TRY(net::HttpClient::open(
            {.cacert = m_notify.webhooks->cacert.native(),
             .interface = {},
             .max_body_bytes = k_max_answer,
             .cancelled = &cancelled,
             .may_connect = [this](const net::Ip &ip) { return allowed(ip); }}));
        auto answer =
            client.perform({.method = "POST",
                            .url = target.address,
                            .headers = {{"Content-Type", "application/json"},
                                        {"webhook-id", id},
                                        {"webhook-timestamp", seconds},
                                        {"webhook-signature", "v1a," + seal::to_base64(signature)}},
                            .body = body,
                            .timeout = k_timeout});
        return judge(answer, target);
    }

    [[nodiscard]] bool allowed(const net::Ip &ip) const {
        return net::is_public(ip) ||
               std::ranges::any_of(m_notify.webhooks->allow,
                                   [&](const net::Network &n) { return n.contains(ip); });
    }

    static Result<void> judge(const Result<net::Response> &answer,
                              const wire::NotifyTarget &target) {
        if (!answer) {
            base::Error error = answer.error(); // the path may be a secret
            const std::string url = target.address.substr(0, target.address.find('?'));
            if (const std::size_t at = error.message.find(url); at != std::string::npos)
                error.message.replace(at, url.size(), wire::shown(target));
            // The name may lead elsewhere tomorrow; who asks for that does not need to be told.
            if (error.code == Errc::not_permitted)
                error.code = Errc::refused;
            error.hint.clear();
            return std::unexpected(error);
        }
        if (answer->status >= 200 && answer->status < 300)
            return {};
        // Gone is for good; all else, redirects too, may be mended.
        return fail(answer->status == 410 ? Errc::refused : Errc::unavailable,
                    "{} answers with status {}", wire::shown(target), answer->status);
    }

    const Notify &m_notify;
    seal::SigningKey m_key;
};

} // namespace

std::unique_ptr<Messenger> make_messenger(const Config &config, const Keys &keys) {
    return std::make_unique<RealMessenger>(config, keys);
}

seal::SigningKey webhook_key(const Keys &keys) {
    const seal::Hash256 seed =
        seal::hash256(seal::bytes_of("slotcast-webhook-v1"), keys.signing.seed().view());
    return seal::SigningKey::from_seed(seed).value();
}

std::string webhook_key_text(const Keys &keys) {
    return "whpk_" + seal::to_base64(webhook_key(keys).public_key());
}

std::string calendar_of(const ledger::Booking &b, const Config &config, UtcTime now) {
    return ical::event_calendar(event_of(told_of(b, config, now), now), ical::Method::none);
}

std::string header_text(std::string_view text) {
    constexpr std::size_t k_most = 45; // bytes a word: 75 characters with what stands around it
    if (std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }) &&
        text.find("=?") == std::string_view::npos && text.size() <= 800)
        return std::string(text);
    std::string out;
    while (!text.empty()) {
        std::size_t size = std::min(k_most, text.size());
        while (size < text.size() && size > 1 && (static_cast<unsigned char>(text[size]) >> 6) == 2)
            --size; // a character is not split
        out += fmt::format("{}=?utf-8?B?{}?=", out.empty() ? "" : " ",
                           seal::to_base64(seal::bytes_of(text.substr(0, size))));
        text.remove_prefix(size);
    }
    return out;
}

} // namespace control
