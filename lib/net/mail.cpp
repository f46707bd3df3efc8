#include "net/mail.hpp"

#include "net/curl.hpp"

#include <algorithm>
#include <array>
#include <fmt/chrono.h>

namespace net {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;

namespace {

using curl::add;
using curl::List;
using curl::Mime;
using curl::set;

int on_progress(void *context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::atomic<bool> *>(context)->load() ? 1 : 0;
}

// What would end a header field, or not be one, is ours to keep out long before.
bool is_field(std::string_view text) {
    return text.size() <= 998 &&
           std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

void check(CURLcode code) {
    if (code != CURLE_OK)
        throw std::runtime_error("libcurl could not build a mail");
}

void fill(curl_mimepart *part, const std::string &data, const std::string &type,
          const char *encoder) {
    check(curl::library().mime_data(part, data.data(), data.size()));
    check(curl::library().mime_type(part, type.c_str()));
    check(curl::library().mime_encoder(part, encoder));
}

// The text and the calendar are two forms of one thing (RFC 2046 section 5.1.4, RFC 6047).
Mime body_of(CURL *handle, const Mail &mail) {
    Mime both{curl::library().mime_init(handle)};
    fill(curl::library().mime_addpart(both.get()), mail.text, "text/plain; charset=utf-8",
         "quoted-printable");
    if (!mail.calendar.empty())
        fill(curl::library().mime_addpart(both.get()), mail.calendar,
             fmt::format("text/calendar; charset=utf-8; method={}", mail.method), "base64");
    return both;
}

List header_of(const Mail &mail) {
    List out;
    add(out,
        fmt::format(
            "Date: {:%a, %d %b %Y %H:%M:%S} +0000",
            fmt::gmtime(
                std::chrono::floor<std::chrono::seconds>(mail.date).time_since_epoch().count())));
    add(out, fmt::format("From: <{}>", mail.from));
    add(out, fmt::format("To: <{}>", mail.to));
    add(out, fmt::format("Subject: {}", mail.subject));
    add(out, fmt::format("Message-ID: <{}>", mail.message_id));
    add(out, "Auto-Submitted: auto-generated"); // RFC 3834: nobody's holiday reply
    add(out, "Content-Type: multipart/alternative");
    return out;
}

void set_server(CURL *handle, const MailServer &server) {
    const bool v6 = server.host.find(':') != std::string::npos;
    const std::string url =
        fmt::format("{}://{}{}{}:{}/", server.tls == MailTls::tls ? "smtps" : "smtp", v6 ? "[" : "",
                    server.host, v6 ? "]" : "", server.port);
    set(handle, CURLOPT_URL, url.c_str());
    set(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(handle, CURLOPT_USE_SSL,
        static_cast<long>(server.tls == MailTls::none ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(handle, CURLOPT_PROXY, "");
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(server.timeout.count()));
    if (!server.cacert.empty()) {
        set(handle, CURLOPT_CAINFO, server.cacert.c_str());
        set(handle, CURLOPT_CAPATH, static_cast<const char *>(nullptr));
    }
    if (!server.user.empty()) {
        set(handle, CURLOPT_USERNAME, server.user.c_str());
        set(handle, CURLOPT_PASSWORD, server.password.c_str());
    }
}

std::unexpected<base::Error> failure(CURL *handle, CURLcode code, const MailServer &server,
                                     const char *detail) {
    long status = 0; // of the server's last answer
    curl::library().easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    const std::string what = fmt::format("mail server {}:{}", server.host, server.port);
    const std::string_view cause = *detail != '\0' ? detail : curl::library().easy_strerror(code);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return fail(Errc::try_again, "{}: cancelled", what);
    if (code == CURLE_LOGIN_DENIED)
        return fail_hint(Errc::not_permitted, "see user and password_file in [notify.mail]",
                         "{}: it refuses our password", what);
    if (code == CURLE_USE_SSL_FAILED || code == CURLE_PEER_FAILED_VERIFICATION)
        return fail_hint(Errc::unavailable, "see tls and cacert in [notify.mail]", "{}: {}", what,
                         cause);
    const bool answered =
        code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_RECV_ERROR;
    return fail(answered && status >= 500 && status < 600 ? Errc::refused : Errc::unavailable,
                "{}: {}", what, cause);
}

} // namespace

Result<void> send_mail(const MailServer &server, const Mail &mail,
                       const std::atomic<bool> &cancelled) {
    for (const std::string *field :
         {&mail.from, &mail.to, &mail.subject, &mail.message_id, &mail.method})
        if (!is_field(*field))
            return fail(Errc::bug, "mail: a header field holds what it must not");
    const curl::Handle handle = curl::make_handle();
    set_server(handle.get(), server);
    List recipients;
    add(recipients, mail.to);
    const List header = header_of(mail);
    const Mime body = body_of(handle.get(), mail);
    set(handle.get(), CURLOPT_MAIL_FROM, mail.from.c_str());
    set(handle.get(), CURLOPT_MAIL_RCPT, recipients.get());
    set(handle.get(), CURLOPT_HTTPHEADER, header.get());
    set(handle.get(), CURLOPT_MIMEPOST, body.get());
    set(handle.get(), CURLOPT_XFERINFOFUNCTION, &on_progress);
    set(handle.get(), CURLOPT_XFERINFODATA, &cancelled);
    set(handle.get(), CURLOPT_NOPROGRESS, 0L);
    std::array<char, CURL_ERROR_SIZE> detail{};
    set(handle.get(), CURLOPT_ERRORBUFFER, detail.data());
    const CURLcode code = curl::library().easy_perform(handle.get());
    if (code != CURLE_OK)
        return failure(handle.get(), code, server, detail.data());
    return {};
}

} // namespace net
