#include "control/api.hpp"
#include "control/openapi.hpp"

#include <doctest/doctest.h>
#include <regex>
#include <set>

TEST_CASE("control: openapi.json has the routes that the router knows, and no other") {
    std::set<std::string> known;
    for (const auto &[method, pattern] : control::Api::known_routes())
        known.insert(fmt::format("{} {}", method, pattern));
    std::set<std::string> described;
    const auto document = wire::parse_json(control::openapi(), "openapi.json");
    REQUIRE(document);
    static const std::regex variable{R"(\{[a-z_]+\})"};
    for (const auto &[path, item] : document->at("paths").as_object())
        for (const auto &[method, operation] : item.as_object()) {
            if (method == "parameters")
                continue;
            std::string name{method};
            std::ranges::transform(name, name.begin(),
                                   [](char c) { return static_cast<char>(c - 'a' + 'A'); });
            described.insert(name + " " + std::regex_replace(std::string(path), variable, "{}"));
        }
    for (const std::string &route : known)
        CHECK_MESSAGE(described.contains(route), "lib/control/openapi lacks ", route);
    for (const std::string &route : described)
        CHECK_MESSAGE(known.contains(route), "no such route: ", route);
}
