#include "net/http_stream.hpp"

#include <utility>

namespace net {

bool Stream::push(std::string_view text) {
    const std::scoped_lock lock{m_mutex};
    if (!m_open)
        return false;
    if (!m_waiting.empty() && m_waiting.size() + text.size() > m_limit) {
        m_open = false;
        m_waiting.clear(); // it would lack what comes now
    } else {
        m_waiting += text;
    }
    if (m_wake)
        m_wake();
    return m_open;
}

void Stream::close() {
    const std::scoped_lock lock{m_mutex};
    m_open = false;
    if (m_wake)
        m_wake();
}

bool Stream::open() const {
    const std::scoped_lock lock{m_mutex};
    return m_open;
}

Stream::Part Stream::take() {
    const std::scoped_lock lock{m_mutex};
    return {.text = std::exchange(m_waiting, {}), .more = m_open};
}

void Stream::attach(std::function<void()> wake) {
    const std::scoped_lock lock{m_mutex};
    m_wake = std::move(wake);
}

void Stream::detach() {
    const std::scoped_lock lock{m_mutex};
    m_open = false;
    m_wake = nullptr;
    m_waiting.clear();
}

} // namespace net
