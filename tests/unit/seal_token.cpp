#include "seal/token.hpp"

#include <doctest/doctest.h>

TEST_CASE("seal: a token opens with its key and context only, and unchanged only") {
    const seal::Bytes key = seal::random_bytes(32);
    const std::string token = seal::seal_token(key, "offer alice", seal::bytes_of("what"));
    CHECK(seal::seal_token(key, "offer alice", seal::bytes_of("what")) != token);
    const auto opened = seal::open_token(key, "offer alice", token);
    REQUIRE(opened);
    CHECK(seal::text_of(opened->view()) == "what");
    CHECK_FALSE(seal::open_token(key, "offer bob", token));
    CHECK_FALSE(seal::open_token(seal::random_bytes(32), "offer alice", token));
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK_FALSE(seal::open_token(key, "offer alice", changed));
        CHECK_FALSE(seal::open_token(key, "offer alice", token.substr(0, i)));
    }
    CHECK_FALSE(seal::open_token(key, "offer alice", "not base64url!"));
}
