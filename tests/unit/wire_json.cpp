#include "wire/json.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using base::Errc;
using wire::canonical_json;
using wire::Json;
using wire::JsonArray;
using wire::JsonObject;
using wire::ObjectReader;
using wire::parse_json;

namespace {

std::string canonical(std::string_view text) {
    const auto json = parse_json(text, "test");
    REQUIRE(json.has_value());
    return canonical_json(*json);
}

std::string why(std::string_view text) {
    const auto json = parse_json(text, "test");
    return json ? "it was accepted" : json.error().message;
}

} // namespace

TEST_CASE("wire: JSON that is not one whole document is refused") {
    for (const char *text : {"",
                             " ",
                             "{",
                             "}",
                             "[1,]",
                             "{\"a\":1,}",
                             "{a:1}",
                             "'a'",
                             "nul",
                             "1 2",
                             "{} {}",
                             "{}x",
                             "\"a",
                             "01",
                             "1.",
                             "+1",
                             "// x\n1",
                             "[1] ]",
                             "\xff",
                             "\"\xff\"",
                             "\"\xc0\x80\"",
                             "\"\xed\xa0\x80\"",
                             "\"\\ud800\"",
                             "\"\x01\"",
                             "\"\\x41\"",
                             "NaN",
                             "Infinity",
                             "1.5",
                             "1e3",
                             "-0.0",
                             "99999999999999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_json(text, "test").has_value());
    }
    CHECK(parse_json(" \t\r\n{\"a\":[1,true,null,\"\\u00e9\"]}\n", "test").has_value());
    CHECK(why("{} {}").find("more text") != std::string::npos);
}

TEST_CASE("wire: JSON nested deeper than 32 levels is refused") {
    const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
    CHECK(parse_json(nested(32), "test").has_value());
    CHECK_FALSE(parse_json(nested(33), "test").has_value());
    CHECK_FALSE(parse_json(nested(1'000'000), "test").has_value());
    std::string objects;
    for (int i = 0; i < 100'000; ++i)
        objects += "{\"a\":";
    CHECK_FALSE(parse_json(objects, "test").has_value());
}

TEST_CASE("wire: a name that stands twice in one object is refused, however it is written") {
    CHECK(why(R"({"a":1,"a":2})").find("'a' stands twice") != std::string::npos);
    CHECK(why(R"({"a":1,"\u0061":2})").find("twice") != std::string::npos);
    CHECK(why(R"({"x":{"a":1,"b":[{"c":1,"c":1}]}})").find("'c' stands twice") !=
          std::string::npos);
    CHECK(parse_json(R"([{"a":1},{"a":1,"b":{"a":1}}])", "test").has_value());
    const std::string longer(5'000, 'n'); // names that arrive in parts
    CHECK(why("{\"" + longer + "\":1,\"" + longer + "\":1}").find("twice") != std::string::npos);
    CHECK(parse_json("{\"" + longer + "\":1,\"" + longer + "x\":1}", "test").has_value());
}

TEST_CASE("wire: the canonical form is that of RFC 8785") {
    CHECK(canonical(R"({ "b" : 1, "a" : [ true , false , null ] })") ==
          R"({"a":[true,false,null],"b":1})");
    CHECK(canonical(R"({"":0,"a":{"z":1,"y":2},"A":3,"a0":4,"_":5})") ==
          R"({"":0,"A":3,"_":5,"a":{"y":2,"z":1},"a0":4})");
    CHECK(canonical("[]") == "[]");
    CHECK(canonical("{}") == "{}");
    CHECK(canonical("[-1,0,9007199254740991]") == "[-1,0,9007199254740991]");
    // 3.2.2.2: only these are escaped, and like this
    CHECK(canonical(R"("\u0008\u0009\u000a\u000c\u000d\u0022\u005c\u002f\u001F\u0000\u007f")") ==
          "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u001f\\u0000\x7f\"");
    CHECK(canonical(R"("\u20ac\ud83d\ude00")") == "\"\xe2\x82\xac\xf0\x9f\x98\x80\"");
    CHECK_THROWS(canonical_json(Json(1.5)));
}

TEST_CASE("wire: the canonical form reads back to itself") {
    CHECK(rc::check("fixed point", [](const std::map<std::string, std::int64_t> &members,
                                      const std::vector<bool> &flags) {
        JsonObject object;
        for (const auto &[name, value] : members) {
            std::string ascii;
            for (const char c : name)
                ascii += static_cast<char>(c & 0x7f);
            object[ascii] = value;
        }
        JsonArray list;
        for (const bool flag : flags)
            list.emplace_back(flag);
        object["flags"] = std::move(list);
        const std::string once = canonical_json(object);
        const auto back = parse_json(once, "test");
        RC_ASSERT(back.has_value());
        RC_ASSERT(canonical_json(*back) == once);
        const auto compact = parse_json(wire::compact_json(object), "test");
        RC_ASSERT(compact.has_value());
        RC_ASSERT(canonical_json(*compact) == once);
    }));
}

TEST_CASE("wire: every getter names the field that is wrong") {
    const Json json = *parse_json(R"({"s":"text","n":5,"t":"2026-11-22T18:00:00Z","b":true,
        "list":["a","b"],"null":null,"o":{"x":1},"big":18446744073709551615})",
                                  "test");
    auto in = *ObjectReader::of(json, "doc");
    CHECK(*in.string("s") == "text");
    CHECK(*in.integer("n", 0, 5) == 5);
    CHECK(in.time("t").has_value());
    CHECK(*in.boolean_or("b", false));
    CHECK(*in.boolean_or("absent", true));
    CHECK(*in.integer_or("absent", 7) == 7);
    CHECK(in.strings("list")->size() == 2);
    CHECK_FALSE(in.has("null"));
    CHECK_FALSE(in.optional_string("null")->has_value());
    CHECK_FALSE(in.optional_time("absent")->has_value());
    CHECK(*in.object("o")->integer("x") == 1);

    CHECK(in.string("n").error().message == "doc.n: expected a string");
    CHECK(in.string("absent").error().message == "doc.absent: missing");
    CHECK(in.string("s", 3).error().message == "doc.s: longer than 3 bytes");
    CHECK(in.integer("n", 0, 4).error().message == "doc.n: 5 is not in 0 to 4");
    CHECK(in.integer("n", 6).error().code == Errc::bad_data);
    CHECK(in.integer("big").error().message == "doc.big: expected an integer");
    CHECK(in.time("s").error().message.starts_with("doc.s: "));
    CHECK(in.strings("list", 1).error().message == "doc.list: more than 1 items");
    CHECK_FALSE(in.array("s").has_value());
    CHECK(in.object("o")->integer("y").error().message == "doc.o.y: missing");
    CHECK(ObjectReader::of(JsonArray{}, "doc").error().message == "doc: expected an object");
}

TEST_CASE("wire: a field that nobody asked for is refused") {
    const Json json = *parse_json(R"({"known":1,"unknown":2})", "test");
    auto in = *ObjectReader::of(json, "doc");
    CHECK(in.integer("known").has_value());
    CHECK(in.finish().error().message == "doc.unknown: not a known field");
    CHECK(in.integer("unknown").has_value());
    CHECK(in.finish().has_value());
}

TEST_CASE("wire: a document that was built reads like one that was parsed") {
    const Json built = JsonObject{{"port", std::uint16_t{9000}}, {"max", 0xffffffffU}};
    auto in = *ObjectReader::of(built, "doc");
    CHECK(*in.integer("port") == 9000);
    CHECK(*in.integer("max") == 4294967295);
}

TEST_CASE("wire: plain names are short, lower case, and no options or paths") {
    for (const char *good : {"a", "0", "studio1", "lineA", "line-a", "line_b", "0-9"})
        CHECK(wire::is_plain_name(good));
    for (const char *bad : {"", "-a", "_a", "a.b", "a/b", "..", "a b", "\xc3\xa9", "a\n",
                            "abcdefghijklmnopqrstuvwxyz0123456"}) {
        CAPTURE(bad);
        CHECK_FALSE(wire::is_plain_name(bad));
    }
}
