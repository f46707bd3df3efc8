#include "base/text.hpp"

#include <doctest/doctest.h>

using base::is_plain_text;
using base::plain_text;

TEST_CASE("base: text that steers a terminal or turns around is found and replaced") {
    for (const auto &[text, shown] : {std::pair{"a\x1b[31mb", "a?[31mb"},
                                      {"two\nlines", "two?lines"},
                                      {"\x7f", "?"},
                                      {"\u0080\u009f", "??"},
                                      {"x\u009b31mred", "x?31mred"},
                                      {"\u2028\u2029", "??"},
                                      {"\u202a\u202b\u202c\u202d\u202e", "?????"},
                                      {"\u2066\u2067\u2068\u2069.", "????."}}) {
        CAPTURE(shown);
        CHECK_FALSE(is_plain_text(text));
        CHECK(plain_text(text) == shown);
    }
    // The neighbours of each, a joiner, marks of direction, and what is cut off.
    for (const char *text : {"", " ~", "\u00a0\u00c0", "\u2027\u202f", "\u2065\u206a",
                             "Söhne, \u05e9\u05dc\u05d5\u05dd", "\U0001f468\u200d\U0001f469",
                             "\u200e\u200f\u061c", "\xc2", "\xe2\x80", "\xe2\x81"}) {
        CAPTURE(text);
        CHECK(is_plain_text(text));
        CHECK(plain_text(text) == text);
    }
}
