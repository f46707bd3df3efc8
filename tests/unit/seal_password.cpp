#include "seal/password.hpp"

#include <doctest/doctest.h>

TEST_CASE("seal: a password matches its own hash only") {
    const auto hash = seal::hash_password("open sesame");
    REQUIRE(hash.has_value());
    CHECK(seal::check_password_hash(*hash).has_value());
    CHECK(seal::password_matches(*hash, "open sesame"));
    CHECK_FALSE(seal::password_matches(*hash, "open sesam"));
    CHECK_FALSE(seal::password_matches(*hash, ""));
    CHECK_FALSE(seal::hash_password("").has_value());
}

TEST_CASE("seal: a password hash cannot ask for any amount of memory or time") {
    const std::string salt_and_hash =
        "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    CHECK(seal::check_password_hash("$argon2id$v=19$m=65536,t=2,p=1" + salt_and_hash).has_value());
    CHECK_FALSE(
        seal::check_password_hash("$argon2id$v=19$m=4194304,t=2,p=1" + salt_and_hash).has_value());
    CHECK_FALSE(
        seal::check_password_hash("$argon2id$v=19$m=65536,t=4000,p=1" + salt_and_hash).has_value());
    CHECK_FALSE(
        seal::check_password_hash("$argon2i$v=19$m=65536,t=2,p=1" + salt_and_hash).has_value());
    CHECK_FALSE(seal::check_password_hash("").has_value());
    CHECK_FALSE(seal::password_matches("$argon2id$v=19$m=65536,t=2,p=1$", "x"));
}
