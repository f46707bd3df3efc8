#include "wire/merge_patch.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using wire::Json;
using wire::JsonObject;

namespace {

Json parsed(std::string_view text) {
    return wire::parse_json(text, "test").value();
}

// A small document: few keys, so that two of them have much in common.
Json document(int depth) {
    const int kind = *rc::gen::inRange(0, depth > 0 ? 4 : 2);
    if (kind == 0)
        return *rc::gen::inRange(0, 3);
    if (kind == 1)
        return wire::JsonArray{*rc::gen::inRange(0, 2)};
    JsonObject out;
    for (const char *key : {"a", "b", "c"})
        if (*rc::gen::arbitrary<bool>())
            out[key] = document(depth - 1);
    return out;
}

} // namespace

TEST_CASE("wire: a merge patch says what came, changed and went") {
    const Json before = parsed(R"({"a":1,"b":{"c":[1],"d":2},"e":3})");
    const Json after = parsed(R"({"a":1,"b":{"c":[1,2],"f":{}},"g":4})");
    const JsonObject patch = wire::merge_patch(before.as_object(), after.as_object());
    CHECK(Json(patch) == parsed(R"({"e":null,"b":{"d":null,"c":[1,2],"f":{}},"g":4})"));
    CHECK(wire::merge(before, patch) == after);
    CHECK(wire::merge_patch(after.as_object(), after.as_object()).empty());
}

TEST_CASE("wire: a merge patch makes the one document of the other, whatever they are") {
    const bool held = rc::check([] {
        JsonObject before;
        JsonObject after;
        for (const char *key : {"a", "b", "c"}) {
            before[key] = document(3);
            after[key] = document(3);
        }
        RC_ASSERT(wire::merge(before, wire::merge_patch(before, after)) == Json(after));
    });
    CHECK(held);
}
