#include "carrier/line_files.hpp"

#include "base/file.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <set>

namespace fs = std::filesystem;

TEST_CASE("carrier: at a line's end what a killed program had half written goes, and no other's") {
    std::string name = fs::temp_directory_path() / "line-files.XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    const fs::path folder{name};
    for (const char *file :
         {"line-a.log", "line-a.grant.0123456789abcdef.tmp", "line-a.bearer.0123456789abcdef.tmp",
          "line-a.bearer", "line-ab.grant.0123456789abcdef.tmp", "line-ab.log"})
        std::ofstream{folder / file} << "x";
    CHECK(carrier::remove_half_written(folder, "a"));
    std::set<std::string> left;
    for (const auto &entry : fs::directory_iterator(folder))
        left.insert(entry.path().filename());
    CHECK(left == std::set<std::string>{"line-a.bearer", "line-a.log",
                                        "line-ab.grant.0123456789abcdef.tmp", "line-ab.log"});
    CHECK(carrier::remove_half_written(folder, "a")); // nothing of it is there
    CHECK(carrier::remove_half_written(folder / "absent", "a"));
    fs::remove_all(folder);
}
