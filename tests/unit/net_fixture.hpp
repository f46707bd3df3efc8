// A server with a certificate of its own, and clients that trust it.
#pragma once

#include "net/http_client.hpp"
#include "net/http_server.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>

namespace net_fixture {

namespace fs = std::filesystem;
using net::ClientRequest;
using net::HttpClient;
using net::Reply;
using net::Request;

// A folder with a certificate for 127.0.0.1, made once for all cases.
class Certificate {
  public:
    Certificate() {
        std::string pattern = (fs::temp_directory_path() / "slotcast-net.XXXXXX").native();
        folder = ::mkdtemp(pattern.data());
        const std::string command = fmt::format(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
            "-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout {0}/key -out {0}/crt "
            "2>/dev/null",
            folder.native());
        REQUIRE(std::system(command.c_str()) == 0); // NOLINT(concurrency-mt-unsafe)
    }
    ~Certificate() { fs::remove_all(folder); }
    fs::path folder;
};

inline const Certificate &certificate() {
    static const Certificate one;
    return one;
}

inline net::ServerOptions options() {
    net::ServerOptions o;
    o.listen = "127.0.0.1:0";
    o.certificate = certificate().folder / "crt";
    o.key = certificate().folder / "key";
    return o;
}

inline std::unique_ptr<net::HttpServer> start(net::Handler handler,
                                              net::ServerOptions o = options()) {
    auto server = net::HttpServer::start(std::move(o), std::move(handler));
    REQUIRE_MESSAGE(server.has_value(), server.error().message);
    return std::move(*server);
}

inline HttpClient client(const std::string &interface = "") {
    net::ClientOptions o;
    o.cacert = certificate().folder / "crt";
    o.interface = interface;
    auto made = HttpClient::open(o);
    REQUIRE(made.has_value());
    return std::move(*made);
}

inline ClientRequest get(const net::HttpServer &server, const std::string &target) {
    ClientRequest r;
    r.url = "https://" + server.address() + target;
    return r;
}

} // namespace net_fixture
