// Bytes that are wiped when they die and never printed.
#pragma once

#include "seal/encoding.hpp"

namespace seal {

/// Owns secret bytes: moved, not copied by accident; wiped on destruction.
class Secret {
  public:
    Secret() = default;
    explicit Secret(ByteView bytes) : m_bytes(bytes.begin(), bytes.end()) {}
    explicit Secret(Bytes &&bytes) : m_bytes(std::move(bytes)) {}
    Secret(Secret &&other) noexcept : m_bytes(std::move(other.m_bytes)) { other.m_bytes.clear(); }
    Secret &operator=(Secret &&other) noexcept;
    Secret(const Secret &) = delete;
    Secret &operator=(const Secret &) = delete;
    ~Secret() { wipe(); }

    [[nodiscard]] ByteView view() const { return m_bytes; }
    [[nodiscard]] bool empty() const { return m_bytes.empty(); }
    [[nodiscard]] Secret copy() const { return Secret{view()}; }

  private:
    void wipe();
    Bytes m_bytes;
};

/// Overwrites the characters of @p text, then empties it.
void wipe(std::string &text);

} // namespace seal
