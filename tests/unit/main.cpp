// The one binary of all unit tests: `build/tests/unit/unit --test-case='seal*'` runs some.
#define DOCTEST_CONFIG_IMPLEMENT
#include "seal/init.hpp"

#include <doctest/doctest.h>

int main(int argc, char **argv) {
    seal::init();
    return doctest::Context(argc, argv).run();
}
