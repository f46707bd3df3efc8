// Puts back what others take from our rules and routes, and tells what they did.
#pragma once

#include "carrier/connector.hpp"

namespace carrier {

struct Mended {
    bool busy = false;        ///< another verb is at work: ask again soon
    std::size_t put_back = 0; ///< steps that were needed because of another program; else 0
    std::string foreign;      ///< a rule that stands before ours now and did not before; or empty
    std::string trouble;      ///< an error that did not occur the last time; or empty
};

/// Not thread-safe.
class Upkeep {
  public:
    explicit Upkeep(Connector &connector) : m_connector(connector) {}
    [[nodiscard]] Mended mend();

  private:
    Connector &m_connector;
    std::string m_foreign;
    std::string m_trouble;
};

} // namespace carrier
