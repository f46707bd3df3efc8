#include "relay/pull_table.hpp"

#include "relay/viewer_token.hpp"
#include "seal/encoding.hpp"

#include <algorithm>

namespace relay {

using wire::PullRefusal;

namespace {

constexpr std::size_t k_max_word = 64;

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= k_max_word && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

bool opens(std::string_view token, const wire::PullEvent &event) {
    const auto key = seal::from_base64url(event.token_key);
    return key && is_viewer_token(*key, token);
}

} // namespace

std::expected<PullRequest, PullRefusal> parse_pull_request(std::string_view stream_id) {
    constexpr std::string_view k_access = "#!::";
    if (!stream_id.starts_with(k_access)) {
        if (!is_word(stream_id))
            return std::unexpected(PullRefusal::bad_request);
        return PullRequest{.vid = stream_id, .token = {}};
    }
    stream_id.remove_prefix(k_access.size());
    PullRequest out;
    while (!stream_id.empty()) {
        const std::string_view item = stream_id.substr(0, stream_id.find(','));
        stream_id.remove_prefix(std::min(stream_id.size(), item.size() + 1));
        const std::size_t equals = item.find('=');
        if (equals == std::string_view::npos)
            return std::unexpected(PullRefusal::bad_request);
        const std::string_view key = item.substr(0, equals);
        const std::string_view value = item.substr(equals + 1);
        if (key == "m" && value != "request")
            return std::unexpected(PullRefusal::wrong_use);
        if (key != "r" && key != "s")
            continue;
        std::string_view &place = key == "r" ? out.vid : out.token;
        if (!place.empty() || !is_word(value))
            return std::unexpected(PullRefusal::bad_request);
        place = value;
    }
    if (out.vid.empty())
        return std::unexpected(PullRefusal::bad_request);
    return out;
}

std::expected<std::int64_t, PullRefusal> decide_pull(std::string_view stream_id,
                                                     const PullTable &table) {
    const auto request = parse_pull_request(stream_id);
    if (!request)
        return std::unexpected(request.error());
    const auto found = table.find(request->vid);
    if (found == table.end())
        return std::unexpected(PullRefusal::not_found);
    const wire::PullEvent &event = found->second;
    if (!event.token_key.empty() && !opens(request->token, event))
        return std::unexpected(PullRefusal::password);
    if (const auto refuse = wire::pull_refusal(event.refuse))
        return std::unexpected(*refuse);
    return event.event;
}

} // namespace relay
