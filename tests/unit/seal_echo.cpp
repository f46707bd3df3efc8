#include "seal/echo.hpp"

#include <doctest/doctest.h>

TEST_CASE("seal: an echo is answered to who knows the key, and to nobody else") {
    const seal::Bytes group(32, 7);
    const auto key = seal::echo_key(group, "r1", "lineA");
    const auto other = seal::echo_key(group, "r1", "lineB");
    CHECK(key != other);

    const seal::EchoCookie cookie{1, 2, 3, 4, 5, 6, 7, 8};
    const auto question = seal::echo_question(key, cookie);
    const auto answer = seal::echo_answer(key, question);
    REQUIRE(answer.has_value());
    CHECK(seal::read_echo_answer(key, *answer) == cookie);

    CHECK_FALSE(seal::echo_answer(other, question).has_value());
    CHECK_FALSE(seal::read_echo_answer(other, *answer).has_value());
    CHECK_FALSE(seal::echo_answer(key, *answer).has_value());       // two relays do not loop
    CHECK_FALSE(seal::read_echo_answer(key, question).has_value()); // nor is a reflection one
    for (std::size_t i = 0; i < question.size(); ++i) {
        auto bent = question;
        bent[i] ^= 1U;
        CHECK_FALSE(seal::echo_answer(key, bent).has_value());
        CHECK_FALSE(seal::echo_answer(key, seal::ByteView{question}.first(i)).has_value());
    }
}
