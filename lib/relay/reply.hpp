// What is to be sent in answer to a request.
#pragma once

#include "relay/event.hpp"
#include "seal/secret.hpp"

namespace relay {

/// What a request waits for.
struct Awaited {
    std::int64_t sequence = -1; ///< a segment; -1: the first playlist
    std::int64_t part = -1;     ///< a part of it; -1: all of it
    bool poster = false;        ///< none of these, but a picture

    /// True when there is no longer any need to wait.
    [[nodiscard]] bool is_there(const Snapshot &snapshot) const;
    [[nodiscard]] bool is_there(const Event &event) const;
};

/// What a connection does about a request.
struct Reply {
    enum class Kind {
        whole,    ///< send status, headers and body
        live,     ///< attach to `event` as a viewer of live.ts
        wait,     ///< what is asked for is not there yet: wait until `awaited` is, then ask again
        password, ///< have `password` checked against `event`'s hash, then password_reply()
    };
    Kind kind = Kind::whole;
    int status = 200;
    std::string headers = {};                     ///< whole lines
    std::string text = {};                        ///< the body, when it is made for this reply
    std::shared_ptr<const std::string> body = {}; ///< or one that all viewers share
    std::vector<Slice> media = {};                ///< or media; begin and end say which bytes
    EventPtr event = {};
    Awaited awaited = {};
    base::Millis patience{0}; ///< how long to wait, then 503
    seal::Secret password = {};
    std::uint64_t viewer = 0; ///< whose; see viewer_number()

    /// The body that is a text: `body` or `text`.
    [[nodiscard]] std::string_view words() const { return body ? *body : text; }
    /// Of the body, whichever it is.
    [[nodiscard]] std::int64_t length() const;
    /// False for a status that has no body and says nothing of its length (204, 304).
    [[nodiscard]] bool has_length() const;
};

/// Lines that several answers share.
constexpr std::string_view k_any_origin = "Access-Control-Allow-Origin: *\r\n";
constexpr std::string_view k_no_store = "Cache-Control: no-store\r\n";

/// An answer of a few words, which no cache keeps.
[[nodiscard]] Reply plain_reply(int status, std::string_view text, std::string headers = {});
/// Of @p document in the encoding that @p accept_encoding asks for, or 304 when @p if_none_match
/// has it already. @p headers are those of both.
[[nodiscard]] Reply document_reply(const DocumentPtr &document, std::string headers,
                                   std::string_view accept_encoding,
                                   std::string_view if_none_match);
/// To one viewer more than was reserved.
[[nodiscard]] Reply full_reply();
/// `Retry-After`, at least a second and at most an hour.
[[nodiscard]] std::string retry_after(base::Millis wait);
/// The status line's words.
[[nodiscard]] std::string_view reason_phrase(int status);

} // namespace relay
