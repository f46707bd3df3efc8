#include "base/id.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

TEST_CASE("base: an id survives its text") {
    CHECK(rc::check("round trip", [](const std::array<std::uint8_t, 10> &random, std::uint32_t t) {
        const auto id = base::Id::make(base::from_unix_ms(t), random);
        const auto back = base::Id::parse(id.text());
        RC_ASSERT(back.has_value());
        RC_ASSERT(*back == id);
    }));
}

TEST_CASE("base: ids sort by age, and other spellings are refused") {
    const auto older = base::Id::make(base::from_unix_ms(1000), {});
    const auto newer = base::Id::make(base::from_unix_ms(2000), {});
    CHECK(older.text() < newer.text());
    CHECK_FALSE(base::Id::parse("").has_value());
    CHECK_FALSE(base::Id::parse(std::string(26, 'z')).has_value()); // over 128 bits
    CHECK_FALSE(base::Id::parse(std::string(25, '0') + "l").has_value());
    CHECK_FALSE(base::Id::parse(std::string(27, '0')).has_value());
}
