#include "control/openapi.hpp"

// The assembler takes the file in as it is; the Makefile tells it where it is.
// NOLINTBEGIN(*-no-assembler)
asm(".pushsection .rodata\n"
    "slotcast_openapi: .incbin \"openapi.json\"\n"
    "slotcast_openapi_end: .byte 0\n"
    ".popsection\n");
// NOLINTEND(*-no-assembler)

extern "C" const char slotcast_openapi[];     // NOLINT(*-avoid-c-arrays)
extern "C" const char slotcast_openapi_end[]; // NOLINT(*-avoid-c-arrays)

namespace control {

std::string_view openapi() {
    return {slotcast_openapi, slotcast_openapi_end};
}

} // namespace control
