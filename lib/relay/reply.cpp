#include "relay/reply.hpp"

#include "relay/http_rules.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace relay {

namespace {
constexpr std::int64_t k_longest_wait_s = 3600;
}

bool Awaited::is_there(const Snapshot &snapshot) const {
    if (snapshot.ended || sequence < 0 || !snapshot.playlist)
        return snapshot.ended || snapshot.playlist != nullptr;
    if (part < 0 || snapshot.next_sequence < sequence)
        return snapshot.next_sequence > sequence;
    if (snapshot.next_sequence == sequence)
        return snapshot.next_part > part;
    // RFC 8216bis, 6.2.5.2: a part beyond its segment's last is the next segment's first. What is
    // known of older segments is that they are whole.
    const auto found = std::ranges::equal_range(*snapshot.parts, sequence, {}, &Part::sequence);
    const bool has_it = found.empty() || part < std::ranges::ssize(found);
    return has_it || snapshot.next_sequence > sequence + 1 || snapshot.next_part > 0;
}

bool Awaited::is_there(const Event &event) const {
    return poster ? event.poster_is_known(monotonic_us()) : is_there(*event.snapshot());
}

std::int64_t Reply::length() const {
    if (media.empty())
        return static_cast<std::int64_t>(words().size());
    std::int64_t bytes = 0;
    for (const Slice &s : media)
        bytes += s.end - s.begin;
    return bytes;
}

bool Reply::has_length() const {
    return status != 204 && status != 304;
}

Reply plain_reply(int status, std::string_view text, std::string headers) {
    Reply out{.status = status};
    out.headers = "Content-Type: text/plain; charset=utf-8\r\n" + std::move(headers);
    out.headers += k_no_store;
    if (out.has_length())
        out.text = std::string(text) + "\n";
    return out;
}

Reply full_reply() {
    return plain_reply(503, "all places are taken", "Retry-After: 10\r\n");
}

Reply document_reply(const DocumentPtr &document, std::string headers,
                     std::string_view accept_encoding, std::string_view if_none_match) {
    const bool compressed = accepts_gzip(accept_encoding);
    const std::string etag = document->etag(compressed);
    Reply out{.headers = std::move(headers)};
    out.headers += fmt::format("Vary: Accept-Encoding\r\nETag: {}\r\n", etag);
    if (names_etag(if_none_match, etag)) {
        out.status = 304;
        return out;
    }
    if (compressed)
        out.headers += "Content-Encoding: gzip\r\n";
    out.body = {document, compressed ? &document->gzip() : &document->text()};
    return out;
}

std::string retry_after(base::Millis wait) {
    const auto s = std::clamp<std::int64_t>((wait.count() + 999) / 1000, 1, k_longest_wait_s);
    return fmt::format("Retry-After: {}\r\n", s);
}

std::string_view reason_phrase(int status) {
    static constexpr auto k_phrases =
        std::to_array<std::pair<int, std::string_view>>({{200, "OK"},
                                                         {204, "No Content"},
                                                         {206, "Partial Content"},
                                                         {301, "Moved Permanently"},
                                                         {302, "Found"},
                                                         {303, "See Other"},
                                                         {304, "Not Modified"},
                                                         {400, "Bad Request"},
                                                         {403, "Forbidden"},
                                                         {404, "Not Found"},
                                                         {405, "Method Not Allowed"},
                                                         {410, "Gone"},
                                                         {416, "Range Not Satisfiable"},
                                                         {431, "Request Header Fields Too Large"},
                                                         {503, "Service Unavailable"}});
    for (const auto &[code, phrase] : k_phrases)
        if (code == status)
            return phrase;
    return "Error";
}

} // namespace relay
