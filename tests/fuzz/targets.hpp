// What is fuzzed: one function for each kind of input that strangers write. Each throws
// fuzz::Broken when a promise does not hold; crashes are the sanitizers' to find. Run by libFuzzer
// (fuzz.cpp, make fuzz) and over the kept corpora by the unit tests.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

namespace fuzz {

struct Broken : std::logic_error {
    using std::logic_error::logic_error;
};

struct Target {
    std::string_view name; ///< of its corpus, too: tests/fuzz/corpus/NAME
    void (*run)(std::string_view input);
};
[[nodiscard]] std::span<const Target> targets();

/// Targets in files of their own, as they are about other modules.
void merge(std::string_view input);
void transport_stream(std::string_view input);
void http(std::string_view input);
void pull(std::string_view input);

} // namespace fuzz
