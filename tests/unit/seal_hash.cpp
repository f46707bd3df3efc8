#include "seal/hash.hpp"

#include <doctest/doctest.h>

TEST_CASE("seal: BLAKE2b-256 gives the published value") {
    // python3 -c 'import hashlib; print(hashlib.blake2b(b"abc", digest_size=32).hexdigest())'
    CHECK(seal::to_hex(seal::hash256(seal::bytes_of("abc"))) ==
          "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST_CASE("seal: a check value is what b2sum prints") {
    CHECK(seal::check_value("abc") == "cf4ab791c62b8d2b2109c90275287816"); // b2sum -l 128
}

TEST_CASE("seal: echo keys differ by group, relay and carrier") {
    const seal::Bytes group(32, 7);
    const seal::Bytes other(32, 8);
    const auto key = seal::echo_key(group, "r1", "a");
    CHECK(key == seal::echo_key(group, "r1", "a"));
    CHECK(key != seal::echo_key(other, "r1", "a"));
    CHECK(key != seal::echo_key(group, "r1", "b"));
    CHECK(key != seal::echo_key(group, "r", "1a"));
}
