#include "../fuzz/targets.hpp"
#include "base/file.hpp"

#include <doctest/doctest.h>
#include <filesystem>

namespace fs = std::filesystem;

// Seeds, and what fuzzers found: each input goes through its target, and no promise is broken.
TEST_CASE("wire: every kept input of the fuzzers is handled") {
    const fs::path corpora = fs::path(__FILE__).parent_path().parent_path() / "fuzz/corpus";
    for (const fuzz::Target &target : fuzz::targets()) {
        CAPTURE(target.name);
        std::size_t count = 0;
        for (const auto &entry : fs::directory_iterator(corpora / target.name)) {
            CAPTURE(entry.path().native());
            const auto input = base::read_file(entry.path(), 1'000'000);
            REQUIRE(input);
            CHECK_NOTHROW(target.run(*input));
            ++count;
        }
        CHECK(count > 3);
    }
}
