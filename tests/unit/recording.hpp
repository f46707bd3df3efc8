// What a test asked the API and got, written as tests/tools/record-http.cpp does, for
// tests/web/check-answers.mjs: to the file that $SLOTCAST_RECORD names, if it does.
#pragma once

#include "net/http_server.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>

namespace control_test {

inline void record(const net::Request &request, const net::Response &answer) {
    static std::ofstream file = [] {
        const char *path = std::getenv("SLOTCAST_RECORD"); // NOLINT(concurrency-mt-unsafe)
        return path == nullptr ? std::ofstream{} : std::ofstream{path, std::ios::app};
    }();
    if (!file.is_open())
        return;
    const auto message = [](std::string start, const net::Headers &headers,
                            const std::string &body) {
        for (const auto &[name, value] : headers)
            start += fmt::format("\r\n{}: {}", name, value);
        return fmt::format("{}\r\nContent-Length: {}\r\n\r\n{}", start, body.size(), body);
    };
    const std::string asked = message(fmt::format("{} {} HTTP/1.1", request.method, request.target),
                                      request.headers, request.body);
    const std::string got =
        message(fmt::format("HTTP/1.1 {} x", answer.status), answer.headers, answer.body);
    file << "0 0 new 0\n\n0 0 in " << asked.size() << '\n'
         << asked << "\n0 0 out " << got.size() << '\n'
         << got << '\n'
         << std::flush;
}

} // namespace control_test
