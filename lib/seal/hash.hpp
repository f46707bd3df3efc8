// BLAKE2b-256, plain and keyed, and the keys that are derived with it.
#pragma once

#include "seal/encoding.hpp"

#include <array>

namespace seal {

using Hash256 = std::array<std::uint8_t, 32>;

/// BLAKE2b-256 of @p message; keyed when @p key (16 to 64 bytes) is given.
[[nodiscard]] Hash256 hash256(ByteView message, ByteView key = {});

/// What a file keeps beside its text @p text to find that it was damaged: BLAKE2b-128 in
/// hexadecimal, as `b2sum -l 128` prints it. No protection against somebody who can write the file.
[[nodiscard]] std::string check_value(std::string_view text);

/// The key of the UDP echo beside the ingest address of @p carrier at @p relay: BLAKE2b-256(key =
/// group key, "probe\0" + relay + "\0" + carrier). Control puts it into settings, the relay
/// computes it.
[[nodiscard]] Hash256 echo_key(ByteView group_key, std::string_view relay,
                               std::string_view carrier);

} // namespace seal
