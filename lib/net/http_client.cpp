#include "net/http_client.hpp"

#include "net/curl.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

namespace net {

using base::Errc;
using base::Error;
using base::fail;
using base::fail_hint;
using base::Result;

namespace {

using curl::add;
using curl::Free;
using curl::Handle;
using curl::List;
using curl::set;
using curl::Url;

std::string part(CURLU *url, CURLUPart which, unsigned flags = 0) {
    char *text = nullptr;
    if (curl::library().url_get(url, which, &text, flags) != CURLUE_OK)
        return {};
    const std::unique_ptr<char, Free> owner{text};
    return text;
}

std::string trimmed(std::string_view text) {
    constexpr std::string_view k_space = " \t\r\n";
    const std::size_t first = text.find_first_not_of(k_space);
    if (first == std::string_view::npos)
        return {};
    return std::string(text.substr(first, text.find_last_not_of(k_space) - first + 1));
}

// What one transfer collects; the callbacks below fill it.
struct Transfer {
    Response response;
    std::size_t max_body = 0;
    int bind_error = 0;
    std::optional<Ip> refused; // by may_connect
    const ClientOptions *options = nullptr;
    const std::atomic<bool> *cancelled = nullptr;
};

std::size_t on_body(const char *data, std::size_t size, std::size_t count, void *context) {
    auto &t = *static_cast<Transfer *>(context);
    if (t.response.body.size() + size * count > t.max_body)
        return 0; // which libcurl reports as CURLE_WRITE_ERROR
    t.response.body.append(data, size * count);
    return size * count;
}

std::size_t on_header(const char *data, std::size_t size, std::size_t count, void *context) {
    auto &t = *static_cast<Transfer *>(context);
    const std::string_view line{data, size * count};
    if (line.starts_with("HTTP/")) // "100 Continue" has headers too: keep the last answer's
        t.response.headers.clear();
    else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos)
        t.response.headers.emplace_back(trimmed(line.substr(0, colon)),
                                        trimmed(line.substr(colon + 1)));
    return size * count;
}

int on_progress(void *context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto &t = *static_cast<Transfer *>(context);
    const std::atomic<bool> *other = t.options->cancelled;
    return t.cancelled->load() || (other != nullptr && other->load()) ? 1 : 0;
}

// libcurl's own CURLOPT_INTERFACE falls back to binding an address when it may not bind the device;
// then routes could still lead the packets elsewhere. So: bound to the device, or no connection.
int on_socket(void *context, curl_socket_t fd, curlsocktype) {
    auto &t = *static_cast<Transfer *>(context);
    if (t.options->interface.empty())
        return CURL_SOCKOPT_OK;
    if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, t.options->interface.c_str(),
                     static_cast<socklen_t>(t.options->interface.size() + 1)) == 0)
        return CURL_SOCKOPT_OK;
    t.bind_error = errno;
    return CURL_SOCKOPT_ERROR;
}

// Here, since a name can lead to another address at each look-up.
curl_socket_t on_open(void *context, curlsocktype, curl_sockaddr *address) {
    auto &t = *static_cast<Transfer *>(context);
    const auto ip = Ip::of(address->addr);
    if (!ip || !t.options->may_connect(*ip)) {
        t.refused = ip;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Error failure(CURLcode code, const Transfer &t, std::string_view what, const char *detail) {
    const std::string_view cause = *detail != '\0' ? detail : curl::library().easy_strerror(code);
    const auto make = [&](Errc errc, std::string hint) {
        return Error{errc, fmt::format("{}: {}", what, cause), std::move(hint)};
    };
    if (t.bind_error != 0)
        return base::fail_errno("bind to interface", t.options->interface, t.bind_error).error();
    if (t.refused && code == CURLE_COULDNT_CONNECT)
        return {Errc::not_permitted,
                fmt::format("{}: connections to {} are not allowed", what, t.refused->text())};
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return make(Errc::unavailable,
                    "give control's certificate or its authority with --cacert, or use the name "
                    "that is in its certificate");
    case CURLE_SSL_CACERT_BADFILE:
        return make(Errc::config, "--cacert names a PEM file of certificates");
    case CURLE_ABORTED_BY_CALLBACK:
        return {Errc::try_again, fmt::format("{}: cancelled", what)};
    case CURLE_WRITE_ERROR:
        return {Errc::protocol,
                fmt::format("{}: the answer is larger than {} bytes", what, t.max_body)};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return make(Errc::usage, "write https://host[:port]");
    case CURLE_WEIRD_SERVER_REPLY:
        return make(Errc::protocol, "");
    default:
        return make(Errc::unavailable,
                    "is control running, and does the reservation network reach it?");
    }
}

} // namespace

Result<Origin> parse_origin(const std::string &url) {
    const Url parsed{curl::library().url()};
    const bool read =
        parsed && curl::library().url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
    const std::string path = read ? part(parsed.get(), CURLUPART_PATH) : "";
    if (!read || part(parsed.get(), CURLUPART_SCHEME) != "https" ||
        (path != "/" && !path.empty()) || !part(parsed.get(), CURLUPART_USER).empty() ||
        !part(parsed.get(), CURLUPART_QUERY).empty() ||
        !part(parsed.get(), CURLUPART_FRAGMENT).empty())
        return fail_hint(Errc::usage, "write https://host or https://host:port",
                         "'{}' is not the address of a control", url.substr(0, 200));
    std::string authority = part(parsed.get(), CURLUPART_HOST);
    std::ranges::transform(authority, authority.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (const std::string port = part(parsed.get(), CURLUPART_PORT); !port.empty() && port != "443")
        authority += ":" + port;
    return Origin{.url = "https://" + authority, .authority = authority};
}

struct HttpClient::Impl {
    ClientOptions options;
    Handle handle;
    std::atomic<bool> cancelled{false};
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
HttpClient::HttpClient(HttpClient &&) noexcept = default;
HttpClient &HttpClient::operator=(HttpClient &&) noexcept = default;
HttpClient::~HttpClient() = default;

void HttpClient::cancel() {
    m_impl->cancelled = true;
}

namespace {

void set_options(CURL *handle, const ClientOptions &options) {
    set(handle, CURLOPT_PROTOCOLS_STR, "https");
    set(handle, CURLOPT_FOLLOWLOCATION, 0L);
    set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(handle, CURLOPT_PROXY, ""); // not even the environment's: it could be on a carrier
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(handle, CURLOPT_USERAGENT, "slotcast");
    if (!options.cacert.empty()) {
        set(handle, CURLOPT_CAINFO, options.cacert.c_str());
        set(handle, CURLOPT_CAPATH, static_cast<const char *>(nullptr));
    }
    set(handle, CURLOPT_WRITEFUNCTION, &on_body);
    set(handle, CURLOPT_HEADERFUNCTION, &on_header);
    set(handle, CURLOPT_XFERINFOFUNCTION, &on_progress);
    set(handle, CURLOPT_NOPROGRESS, 0L);
    set(handle, CURLOPT_SOCKOPTFUNCTION, &on_socket);
    if (options.may_connect)
        set(handle, CURLOPT_OPENSOCKETFUNCTION, &on_open);
}

void set_request(CURL *handle, const ClientRequest &request, List &headers) {
    set(handle, CURLOPT_URL, request.url.c_str());
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    if (request.method == "POST" || request.method == "PATCH") {
        set(handle, CURLOPT_POST, 1L);
        set(handle, CURLOPT_POSTFIELDS, request.body.data());
        set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else {
        set(handle, CURLOPT_HTTPGET, 1L);
    }
    set(handle, CURLOPT_CUSTOMREQUEST, // null: as the options above say
        request.method == "PATCH" ? "PATCH" : static_cast<const char *>(nullptr));
    for (const auto &[name, value] : request.headers)
        add(headers, fmt::format("{}: {}", name, value));
    add(headers, "Expect:"); // bodies are small; do not wait for "100 Continue"
    set(handle, CURLOPT_HTTPHEADER, headers.get());
}

} // namespace

Result<HttpClient> HttpClient::open(ClientOptions options) {
    if (!options.interface.empty() && ::if_nametoindex(options.interface.c_str()) == 0)
        return fail_hint(Errc::unavailable, "ip link shows the interfaces of this machine",
                         "bind to interface {}: there is no such interface", options.interface);
    if (!options.cacert.empty() && ::access(options.cacert.c_str(), R_OK) != 0)
        return fail_hint(Errc::config, "--cacert names a PEM file of certificates", "open {}: {}",
                         options.cacert, base::errno_text(errno));
    auto impl = std::make_unique<Impl>();
    impl->options = std::move(options);
    impl->handle = curl::make_handle();
    set_options(impl->handle.get(), impl->options);
    return HttpClient{std::move(impl)};
}

Result<Response> HttpClient::perform(const ClientRequest &request) {
    CURL *handle = m_impl->handle.get();
    Transfer transfer;
    transfer.max_body = m_impl->options.max_body_bytes;
    transfer.options = &m_impl->options;
    transfer.cancelled = &m_impl->cancelled;
    for (const CURLoption context : {CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_XFERINFODATA,
                                     CURLOPT_SOCKOPTDATA, CURLOPT_OPENSOCKETDATA})
        set(handle, context, &transfer);
    std::array<char, CURL_ERROR_SIZE> detail{};
    set(handle, CURLOPT_ERRORBUFFER, detail.data());
    List headers;
    set_request(handle, request, headers);
    const CURLcode code = curl::library().easy_perform(handle);
    set(handle, CURLOPT_ERRORBUFFER, static_cast<char *>(nullptr));
    if (code != CURLE_OK) {
        const std::string what =
            fmt::format("{} {}", request.method, request.url.substr(0, request.url.find('?')));
        return std::unexpected(failure(code, transfer, what, detail.data()));
    }
    long status = 0;
    curl::library().easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    return std::move(transfer.response);
}

} // namespace net
