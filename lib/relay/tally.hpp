// What the relay did for each reservation, over connections, new starts of the relay and extensions
// after an end: the figures of its receipt.
#pragma once

#include "relay/event.hpp"
#include "wire/receipt.hpp"

#include <map>

namespace relay {

/// Not thread-safe: the hub's.
class Tallies {
  public:
    /// A publisher was admitted at @p at. An event that was over goes on: its figures too.
    void admitted(const base::Id &reservation, base::UtcTime at);
    /// What @p event has counted so far; @p at is when its first media came, if that is new.
    void count(const base::Id &reservation, const Event &event, base::UtcTime at);
    /// The event was over at @p at. Nothing when no publisher was admitted since it last was.
    [[nodiscard]] std::optional<wire::Receipt> end(const base::Id &reservation, base::UtcTime at,
                                                   const std::string &relay);
    void forget(const base::Id &reservation) { m_all.erase(reservation); }

    /// Those whose receipt is still to be made.
    [[nodiscard]] std::vector<base::Id> open() const;
    [[nodiscard]] std::vector<base::Id> all() const;

    /// For the next start of the relay. bad_data: it is none, or of another relay.
    [[nodiscard]] std::string text(std::string_view relay) const;
    [[nodiscard]] static base::Result<Tallies> read(std::string_view text, std::string_view relay);
    /// For the program that takes this one's place: with what events had counted.
    void carry(Carry &c);

  private:
    struct Counts {
        std::int64_t gaps = 0, bytes_in = 0, bytes_out = 0, payloads_lost = 0;
    };
    struct Tally {
        wire::Receipt figures; ///< its `ended` counts once it is not open
        bool open = true;
        std::string tag; ///< of the event that was last counted, and what it had counted then
        Counts counted;
    };
    std::map<base::Id, Tally> m_all;
};

} // namespace relay
