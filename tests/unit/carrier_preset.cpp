#include "carrier/preset.hpp"

#include <doctest/doctest.h>

using carrier::with_preset;

TEST_CASE("carrier: the preset's value changes, all other text stays") {
    CHECK(with_preset("preset = \"a\"\n", "b") == "preset = \"b\"\n");
    CHECK(with_preset("  preset='a' # why\nx = 1\n", "b") == "  preset=\"b\" # why\nx = 1\n");
    CHECK(with_preset("", "b") == "preset = \"b\"\n");
    CHECK(with_preset("x = 1", "b") == "x = 1\npreset = \"b\"\n");
    CHECK(with_preset("x = 1\n[t]\npreset = \"a\"\n", "b") ==
          "x = 1\npreset = \"b\"\n\n[t]\npreset = \"a\"\n");
    CHECK(with_preset("# preset = \"a\"\npresets = 1\n", "b") ==
          "# preset = \"a\"\npresets = 1\npreset = \"b\"\n");
    CHECK(with_preset("preset = \"a\"\n[t]\n", "b") == "preset = \"b\"\n[t]\n");
}
