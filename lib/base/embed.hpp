// Files that become part of a program.
#pragma once

// The assembler takes the file @p name in as it is, from `symbol` to `symbol_end`; the Makefile
// tells it where files are (-Wa,-I), and says what depends on them. NOLINTBEGIN(*-no-assembler,
// *-avoid-c-arrays, *-macro-usage)
#define SLOTCAST_FILE(symbol, name)                                                                \
    asm(".pushsection .rodata\n" #symbol ": .incbin \"" name "\"\n" #symbol "_end: .byte 0\n"      \
        ".popsection\n");                                                                          \
    extern "C" const char symbol[];                                                                \
    extern "C" const char symbol##_end[]
// NOLINTEND(*-no-assembler, *-avoid-c-arrays, *-macro-usage)
