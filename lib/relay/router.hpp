// From a request to what is to be sent: pure, but for the board that it reads.
#pragma once

#include "base/control_clock.hpp"
#include "relay/event.hpp"
#include "relay/http_reader.hpp"
#include "seal/secret.hpp"

#include <functional>

namespace relay {

/// What a connection does about a request.
struct Reply {
    enum class Kind {
        whole,    ///< send status, headers and body
        live,     ///< attach to `event` as a viewer of live.ts
        playlist, ///< no segment yet: wait for the first one, then ask again
        password, ///< have `password` checked against `event`'s hash, then password_reply()
    };
    Kind kind = Kind::whole;
    int status = 200;
    std::string headers = {};                     ///< whole lines
    std::string text = {};                        ///< the body, when it is made for this reply
    std::shared_ptr<const std::string> body = {}; ///< or one that all viewers share
    std::vector<Slice> media = {};                ///< or media; begin and end say which bytes
    EventPtr event = {};
    seal::Secret password = {};

    /// Of the body, whichever it is.
    [[nodiscard]] std::int64_t length() const;
};

/// Where a request came in.
struct Origin {
    bool loopback = false; ///< may see metrics
    bool admin = false;    ///< by the admin address: metrics and health only
};

/// Thread-safe.
class Router {
  public:
    struct World {
        const Board *board;
        const base::ControlClock *clock;
        const seal::Secret *viewer_key;
        std::function<std::string()> metrics;
    };
    explicit Router(World world) : m_world(std::move(world)) {}

    [[nodiscard]] Reply answer(const HttpRequest &request, Origin origin) const;
    /// What follows a check of the password.
    [[nodiscard]] Reply password_reply(const EventPtr &event, bool right) const;

  private:
    [[nodiscard]] Reply watch(const HttpRequest &request,
                              const std::vector<std::string_view> &path) const;
    [[nodiscard]] Reply page(const HttpRequest &request, const EventPtr &event, bool open) const;
    [[nodiscard]] Reply media(const HttpRequest &request, const EventPtr &event,
                              std::string_view name) const;
    [[nodiscard]] Reply live(const EventPtr &event) const;
    [[nodiscard]] Reply playlist(const EventPtr &event) const;

    World m_world;
};

/// An answer of a few words.
[[nodiscard]] Reply plain_reply(int status, std::string_view text, std::string headers = {});
/// The status line's words.
[[nodiscard]] std::string_view reason_phrase(int status);
/// The parts of @p path between its slashes, the last one empty when it ends with one. Nothing
/// when it holds anything but plain characters, an empty part, `.` or `..`: nothing is ever
/// decoded.
[[nodiscard]] std::optional<std::vector<std::string_view>> split_path(std::string_view path);
/// `bytes=A-B`, `bytes=A-` or `bytes=-N` of @p size bytes as [first, second); nothing when it is
/// not one range of that kind (then all is sent); first == size when it lies outside (416).
[[nodiscard]] std::optional<std::pair<std::int64_t, std::int64_t>>
parse_range(std::string_view range, std::int64_t size);

} // namespace relay
