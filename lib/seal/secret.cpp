#include "seal/secret.hpp"

#include <sodium.h>

namespace seal {

Secret &Secret::operator=(Secret &&other) noexcept {
    if (this != &other) {
        wipe();
        m_bytes = std::move(other.m_bytes);
        other.m_bytes.clear();
    }
    return *this;
}

void Secret::wipe() {
    sodium_memzero(m_bytes.data(), m_bytes.size());
    m_bytes.clear();
}

void wipe(std::string &text) {
    sodium_memzero(text.data(), text.size());
    text.clear();
}

} // namespace seal
