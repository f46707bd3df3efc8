#include "client/api.hpp"

#include "net/http_client.hpp"
#include "seal/http_signature.hpp"

#include <algorithm>

namespace client {

using base::Errc;
using base::Error;
using base::fail;
using base::fail_hint;
using base::Result;

namespace {

// More than this and control would take a signature for stale or from the future.
constexpr base::Millis k_tolerable_offset{20'000};
constexpr base::Seconds k_between_comparisons{30};
constexpr std::size_t k_max_key = 64;
constexpr std::string_view k_problem_type = "application/problem+json";

Errc errc_of(int status) {
    if (status == 401 || status == 403)
        return Errc::not_permitted;
    if (status == 429 || status == 503)
        return Errc::try_again;
    if (status >= 500)
        return Errc::unavailable;
    return status >= 400 ? Errc::refused : Errc::protocol;
}

bool is_problem(const net::Response &response) {
    return std::ranges::any_of(response.headers, [](const auto &field) {
        return (field.first == "Content-Type" || field.first == "content-type") &&
               field.second.starts_with(k_problem_type);
    });
}

std::optional<wire::Problem> problem_in(const net::Response &response) {
    if (!is_problem(response))
        return std::nullopt;
    const auto json = wire::parse_json(response.body, "control's answer");
    if (!json)
        return std::nullopt;
    auto problem = wire::read_problem(*json, "problem");
    if (!problem)
        return std::nullopt;
    problem->status = response.status; // the status line decides, not what the body says of it
    return std::move(*problem);
}

Error error_of(const net::Response &response, const std::optional<wire::Problem> &problem) {
    const Errc code = errc_of(response.status);
    if (!problem)
        return {code, fmt::format("control answered with HTTP status {}", response.status),
                "does the address belong to a control?"};
    const std::string_view text = problem->detail.empty() ? problem->title : problem->detail;
    return {code, fmt::format("control: {}", text), problem->hint};
}

bool is_key(std::string_view text) {
    return !text.empty() && text.size() <= k_max_key && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

} // namespace

Result<wire::Json> Answer::json() const {
    auto parsed = wire::parse_json(body, "control's answer");
    if (!parsed)
        return std::unexpected(Error{Errc::protocol, std::move(parsed).error().message});
    return std::move(*parsed);
}

struct Api::Impl {
    Target target;
    net::Origin origin;
    const seal::SigningKey *key = nullptr;
    const base::Clock &clock;
    net::HttpClient http;
    std::optional<wire::Problem> problem;
    // Control's time at an instant that no step of the wall clock moves; empty while the wall
    // clock will do.
    struct Reading {
        base::UtcTime control;
        base::SteadyTime at;
    };
    std::optional<Reading> reading = std::nullopt;
    std::optional<base::SteadyTime> compared = std::nullopt;

    [[nodiscard]] base::UtcTime signing_time() const {
        if (!reading)
            return clock.now();
        return reading->control +
               std::chrono::duration_cast<base::Millis>(clock.steady() - reading->at);
    }
    [[nodiscard]] net::ClientRequest signed_request(net::ClientRequest request,
                                                    std::string_view path_and_query) const;
    [[nodiscard]] Result<bool> compare_clocks();
    [[nodiscard]] Result<Answer> send(std::string method, std::string_view path,
                                      std::string_view json, std::string_view idempotency_key,
                                      base::Millis timeout, net::Headers more);
    [[nodiscard]] Result<Answer> call(const net::ClientRequest &request,
                                      std::string_view path_and_query);
};

// Adds the fields of RFC 9421 and 9530 to a request that has all others.
net::ClientRequest Api::Impl::signed_request(net::ClientRequest request,
                                             std::string_view path_and_query) const {
    const std::size_t mark = std::min(path_and_query.find('?'), path_and_query.size());
    seal::HttpParts parts{.method = request.method,
                          .authority = origin.authority,
                          .path = std::string(path_and_query.substr(0, mark)),
                          .query = std::string(path_and_query.substr(mark)),
                          .content_digest = {},
                          .idempotency_key = {}};
    if (parts.query.empty())
        parts.query = "?";
    for (const auto &[name, value] : request.headers)
        if (name == "Idempotency-Key")
            parts.idempotency_key = value;
    if (request.method != "GET") {
        parts.content_digest = seal::content_digest(request.body);
        request.headers.emplace_back("Content-Digest", *parts.content_digest);
    }
    if (key != nullptr) {
        auto fields = seal::sign_request(parts, *key, signing_time());
        request.headers.emplace_back("Signature-Input", std::move(fields.signature_input));
        request.headers.emplace_back("Signature", std::move(fields.signature));
    }
    return request;
}

// Asks control for its time, and says whether ours is so wrong that a signature may have been
// refused for it. Machines without NTP would otherwise never get through, and those whose clock is
// set while they run not any more. Not at every refusal: most have other reasons.
Result<bool> Api::Impl::compare_clocks() {
    if (key == nullptr || (compared && clock.steady() - *compared < k_between_comparisons))
        return false;
    net::ClientRequest request;
    request.url = origin.url + "/v1/time";
    const net::Response response = TRY(http.perform(request));
    if (response.status != 200)
        return false;
    const wire::Json json = TRY(wire::parse_json(response.body, "control's time"));
    auto in = TRY(wire::ObjectReader::of(json, "time"));
    const base::UtcTime control = TRY(in.time("time"));
    compared = clock.steady();
    if (std::chrono::abs(control - signing_time()) <= k_tolerable_offset)
        return false;
    reading = {.control = control, .at = *compared};
    return true;
}

Result<Answer> Api::Impl::call(const net::ClientRequest &request, std::string_view path_and_query) {
    problem.reset();
    net::Response response = TRY(http.perform(signed_request(request, path_and_query)));
    if (response.status == 401) {
        const auto wrong_clock = compare_clocks();
        if (wrong_clock && *wrong_clock)
            response = TRY(http.perform(signed_request(request, path_and_query)));
    }
    if (response.status >= 200 && response.status < 300)
        return Answer{.status = response.status, .body = std::move(response.body)};
    if (response.status < 400)
        return fail(Errc::protocol, "control answered with a redirect (HTTP status {})",
                    response.status);
    problem = problem_in(response);
    return std::unexpected(error_of(response, problem));
}

Api::Api(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Api::Api(Api &&) noexcept = default;
Api &Api::operator=(Api &&) noexcept = default;
Api::~Api() = default;

Result<Api> Api::open(Target target, const seal::SigningKey *key, const base::Clock *clock) {
    static const base::SystemClock machine;
    if (target.url.empty())
        return fail_hint(Errc::config,
                         "give --control https://…, or control = \"https://…\" in terminal.toml",
                         "no control is named");
    net::Origin origin = TRY(net::parse_origin(target.url));
    net::ClientOptions options;
    options.cacert = target.cacert;
    options.interface = target.interface;
    net::HttpClient http = TRY(net::HttpClient::open(std::move(options)));
    return Api{std::make_unique<Impl>(Impl{.target = std::move(target),
                                           .origin = std::move(origin),
                                           .key = key,
                                           .clock = clock != nullptr ? *clock : machine,
                                           .http = std::move(http),
                                           .problem = {}})};
}

Result<Answer> Api::get(std::string_view path_and_query, base::Millis timeout) {
    net::ClientRequest request;
    request.url = m_impl->origin.url + std::string(path_and_query);
    request.timeout = timeout;
    return m_impl->call(request, path_and_query);
}

Result<Answer> Api::Impl::send(std::string method, std::string_view path, std::string_view json,
                               std::string_view idempotency_key, base::Millis timeout,
                               net::Headers more) {
    if (!is_key(idempotency_key))
        return fail(Errc::bug, "'{}' cannot be an idempotency key", idempotency_key);
    net::ClientRequest request;
    request.method = std::move(method);
    request.url = origin.url + std::string(path);
    request.timeout = timeout;
    request.body = json;
    request.headers = {{"Content-Type", "application/json"},
                       {"Idempotency-Key", fmt::format("\"{}\"", idempotency_key)}};
    request.headers.insert(request.headers.end(), more.begin(), more.end());
    return call(request, path);
}

Result<Answer> Api::post(std::string_view path, std::string_view json,
                         std::string_view idempotency_key, base::Millis timeout) {
    return m_impl->send("POST", path, json, idempotency_key, timeout, {});
}

Result<Answer> Api::patch(std::string_view path, std::string_view json,
                          std::string_view idempotency_key, std::string_view if_match,
                          base::Millis timeout) {
    return m_impl->send("PATCH", path, json, idempotency_key, timeout,
                        {{"If-Match", std::string(if_match)}});
}

const std::optional<wire::Problem> &Api::problem() const {
    return m_impl->problem;
}

void Api::cancel() {
    m_impl->http.cancel();
}

const Target &Api::target() const {
    return m_impl->target;
}

std::string new_idempotency_key() {
    return seal::to_base64url(seal::random_bytes(16));
}

} // namespace client
