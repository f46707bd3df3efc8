// The keyed UDP echo beside a relay's ingest address: a terminal asks through a carrier, the relay
// answers with as many bytes. Who does not know the key gets no answer, so that it amplifies
// nothing.
#pragma once

#include "seal/hash.hpp"

#include <array>
#include <optional>

namespace seal {

/// 8 byte magic ("SCecho1\0" asks, "SCecho2\0" answers), 8 bytes that are the asker's, 16 bytes
/// BLAKE2b-128(key, the first 16 bytes).
using EchoDatagram = std::array<std::uint8_t, 32>;
using EchoCookie = std::array<std::uint8_t, 8>;

[[nodiscard]] EchoDatagram echo_question(ByteView key, const EchoCookie &cookie);
/// What to answer; nothing when @p datagram is not a question made with @p key.
[[nodiscard]] std::optional<EchoDatagram> echo_answer(ByteView key, ByteView datagram);
/// The question's cookie; nothing when @p datagram is not an answer made with @p key.
[[nodiscard]] std::optional<EchoCookie> read_echo_answer(ByteView key, ByteView datagram);

} // namespace seal
