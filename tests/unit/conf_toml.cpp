#include "conf/toml.hpp"

#include <doctest/doctest.h>

using base::Errc;
using conf::Table;

namespace {

Table table(std::string_view text) {
    auto parsed = Table::parse(text, "test.toml");
    REQUIRE(parsed.has_value());
    return *std::move(parsed);
}

} // namespace

TEST_CASE("conf: values come with their units, and wrong ones are named by file, line and key") {
    const Table t = table("name = \"x\"\nrate = \"6M\"\nlead = \"10s\"\nzero = \"0s\"\nn = 5\n"
                          "yes = true\nlist = [\"a\", \"b\"]\nbare = 6000000\nmixed = [1]\n");
    CHECK(t.string("name") == "x");
    CHECK(t.rate("rate")->bps == 6'000'000);
    CHECK(t.duration_or("lead", {}) == base::Millis{10'000});
    CHECK(t.duration_or("zero", base::Millis{1}) == base::Millis{0});
    CHECK(t.duration_or("absent", base::Millis{7}) == base::Millis{7});
    CHECK(t.integer("n", 0, 5) == 5);
    CHECK(t.boolean_or("yes", false) == true);
    CHECK(t.strings_or_empty("list")->size() == 2);
    CHECK(t.strings_or_empty("absent")->empty());

    CHECK(t.rate("bare").error().message == "test.toml:8: bare: a bit rate is text with its unit");
    CHECK(t.rate("bare").error().code == Errc::config);
    CHECK(t.rate("name").error().message.starts_with("test.toml:1: name: 'x' is not a bit rate"));
    CHECK(t.duration_or("n", {}).error().message.starts_with("test.toml:5: n: a duration"));
    CHECK(t.duration_or("rate", {}).error().message.starts_with("test.toml:2: rate: '6M' is not"));
    CHECK(t.integer("n", 6, 9).error().message == "test.toml:5: n: 5 is not in 6 to 9");
    CHECK(t.integer("name", 0, 1).error().message == "test.toml:1: name: expected a whole number");
    CHECK(t.string("n").error().message == "test.toml:5: n: expected a string in quotes");
    CHECK(t.boolean_or("n", true).error().message == "test.toml:5: n: expected true or false");
    CHECK_FALSE(t.strings_or_empty("mixed").has_value());
    CHECK_FALSE(t.strings_or_empty("name").has_value());
    CHECK(t.string("absent").error().message.find("absent: missing") != std::string::npos);
}

TEST_CASE("conf: a key that nobody asked for is refused with its line") {
    const Table t = table("known = 1\n\n# comment\nunknwon = 2\n");
    CHECK(t.integer("known", 0, 9) == 1);
    const auto finished = t.finish();
    REQUIRE_FALSE(finished.has_value());
    CHECK(finished.error().message == "test.toml:4: unknwon: not a known key");
    CHECK(finished.error().hint == "known here: known");
}

TEST_CASE("conf: sub-tables are named with their path") {
    const Table t = table("[carriers.a]\nrate = \"1M\"\n[carriers.b]\nrate = 5\n");
    const auto carriers = t.tables("carriers");
    REQUIRE(carriers.has_value());
    REQUIRE(carriers->size() == 2);
    CHECK((*carriers)[0].first == "a");
    CHECK((*carriers)[0].second.rate("rate").has_value());
    CHECK((*carriers)[1].second.rate("rate").error().message.starts_with(
        "test.toml:4: carriers.b.rate: "));
    CHECK(t.tables("absent")->empty());
    CHECK(t.table("absent").error().message.find("[absent] is missing") != std::string::npos);
    CHECK(t.table_or_empty("absent")->finish().has_value());
    CHECK_FALSE(table("carriers = 1\n").tables("carriers").has_value());
    CHECK_FALSE(table("[carriers]\na = 1\n").tables("carriers").has_value());
}

TEST_CASE("conf: what is not TOML is refused with its line") {
    for (const char *text :
         {"a =", "a = 1\na = 2", "[x]\n[x]\n", "a = \"\n", "a = 1 b = 2", "\xff = 1"}) {
        CAPTURE(text);
        const auto parsed = Table::parse(text, "test.toml");
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == Errc::config);
        CHECK(parsed.error().message.starts_with("test.toml:"));
    }
    CHECK(Table::load("/absent.toml").error().code == Errc::config);
    CHECK(Table::load("/dev/zero").error().code == Errc::config);
    CHECK(Table::empty().finish().has_value());
}
