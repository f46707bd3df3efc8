// The libFuzzer program. SLOTCAST_FUZZ names the target: see targets.hpp and make fuzz.
#include "targets.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {
const fuzz::Target *chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int * /*argc*/, char *** /*argv*/) {
    const char *name = std::getenv("SLOTCAST_FUZZ");
    for (const fuzz::Target &target : fuzz::targets())
        if (name != nullptr && target.name == name)
            chosen = &target;
    if (chosen == nullptr) {
        std::fputs("fuzz: error: SLOTCAST_FUZZ names no target\n", stderr);
        std::exit(64);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    chosen->run({reinterpret_cast<const char *>(data), size});
    return 0;
}
