#include "ledger/ledger.hpp"
#include "resv/catalogue.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace ledger {

using base::Result;
using base::UtcTime;

namespace {

struct Contents {
    std::map<base::Id, Booking> bookings;
    std::map<base::Id, std::vector<resv::Demand>> demands;
    std::map<base::Id, std::vector<HistoryEntry>> histories;
    std::map<std::string, Party> parties;
    std::map<seal::Hash256, Token> tokens;
    std::map<seal::KeyId, FormerKey> former_keys;
    std::map<std::pair<std::string, std::string>, StoredAnswer> answers;
    std::vector<StoredReport> reports;
    std::map<std::string, std::int64_t> feed_serials;
    std::map<base::Id, Notice> notices;
    std::map<base::Id, Series> series;
    std::optional<seal::KeyId> signing_key;
};

class MemoryTransaction final : public Transaction {
  public:
    explicit MemoryTransaction(Contents &contents) : m(contents) {}

    Result<void> lock(const std::vector<std::string> &, UtcTime) override { return {}; }

    Result<std::optional<Booking>> booking(const base::Id &id) override {
        return find(m.bookings, id);
    }
    Result<std::vector<Booking>> bookings(const std::string &owner) override {
        return select([&](const Booking &b) { return owner.empty() || b.owner == owner; });
    }
    Result<std::vector<Booking>> within(resv::Span span, UtcTime now, std::size_t most) override {
        auto out = select([&](const Booking &b) {
            return resv::occupied(b.life.window).overlaps(span) && !m.demands[b.id].empty() &&
                   (!b.life.hold_expires || *b.life.hold_expires > now);
        });
        std::ranges::stable_sort(out, {}, [](const Booking &b) { return b.life.window.start; });
        out.resize(std::min(out.size(), most));
        return out;
    }
    Result<std::vector<Booking>> bookings_of(const base::Id &series) override {
        return select([&](const Booking &b) { return b.series == series; });
    }
    Result<void> put(const Series &series) override {
        m.series[series.id] = series;
        return {};
    }
    Result<std::optional<Series>> series(const base::Id &id) override { return find(m.series, id); }
    Result<void> put(const Booking &booking, const std::vector<resv::Demand> &demands) override {
        m.bookings[booking.id] = booking;
        m.demands[booking.id] = demands;
        return {};
    }
    Result<void> put_settings_serial(const base::Id &id, std::int64_t serial) override {
        m.bookings[id].settings_serial = serial;
        return {};
    }
    Result<void> put(const HistoryEntry &entry) override {
        m.histories[entry.reservation].push_back(entry);
        return {};
    }
    Result<std::vector<HistoryEntry>> history(const base::Id &id) override {
        return find(m.histories, id).value().value_or(std::vector<HistoryEntry>{});
    }
    Result<void> each_history(const HistoryReader &read) override {
        for (const auto &[id, entries] : m.histories)
            for (const HistoryEntry &entry : entries)
                TRY(read(entry));
        return {};
    }
    Result<std::vector<resv::Load>> loads(const std::vector<std::string> &resources,
                                          resv::Span span, UtcTime now,
                                          const std::optional<base::Id> &except) override {
        std::vector<resv::Load> out;
        for (const auto &[id, b] : m.bookings) {
            if (id == except || (b.life.hold_expires && *b.life.hold_expires <= now))
                continue;
            const auto take = [&](resv::Span taken, const std::vector<resv::Demand> &demands) {
                for (const resv::Demand &d : demands)
                    if (taken.overlaps(span) &&
                        std::ranges::find(resources, d.resource) != resources.end())
                        out.push_back({d.resource, taken, d.units});
            };
            take(resv::occupied(b.life.window), m.demands[id]);
            if (b.preflight)
                take(*b.preflight, resv::demands_of_preflight(m.demands[id]));
        }
        return out;
    }
    Result<resv::Usage> usage(const std::string &owner, resv::Span month, UtcTime now,
                              const std::optional<base::Id> &except) override {
        resv::Usage out;
        for (const auto &[id, b] : m.bookings) {
            const resv::State state = b.life.state;
            if (b.owner != owner || id == except || state == resv::State::cancelled ||
                state == resv::State::expired || state == resv::State::revoked ||
                (b.life.hold_expires && *b.life.hold_expires <= now))
                continue;
            const resv::Window &w = b.life.window;
            if (resv::occupies(state) && w.end > now)
                ++out.ahead;
            if (month.from <= w.start && w.start < month.to)
                out.airtime += w.end - w.start;
        }
        return out;
    }
    Result<std::vector<Booking>> due(UtcTime now) override {
        return select([&](const Booking &b) {
            return resv::occupies(b.life.state) &&
                   (b.life.window.opens() <= now ||
                    (b.life.hold_expires && *b.life.hold_expires <= now));
        });
    }

    Result<std::int64_t> holds(UtcTime now) override {
        return std::ranges::count_if(m.bookings, [&](const auto &entry) {
            const auto &expires = entry.second.life.hold_expires;
            return expires && *expires > now && !m.demands[entry.first].empty();
        });
    }

    Result<std::int64_t> next_feed_serial(const std::string &relay) override {
        return ++m.feed_serials[relay];
    }
    Result<std::vector<Booking>> changed(const std::string &relay, std::int64_t after) override {
        auto out =
            select([&](const Booking &b) { return b.relay == relay && b.feed_serial > after; });
        std::ranges::sort(out, {}, &Booking::feed_serial);
        return out;
    }

    Result<std::optional<Party>> party_by_key(const seal::KeyId &key) override {
        for (const auto &[name, party] : m.parties)
            if (party.id() == key)
                return party;
        return std::nullopt;
    }
    Result<std::optional<Party>> party_by_name(const std::string &name) override {
        return find(m.parties, name);
    }
    Result<std::vector<Party>> parties() override {
        std::vector<Party> out;
        out.reserve(m.parties.size());
        for (const auto &[name, party] : m.parties)
            out.push_back(party);
        return out;
    }
    Result<void> put(const Party &party) override {
        m.parties[party.name] = party;
        return {};
    }
    Result<void> remove_party(const std::string &name) override {
        m.parties.erase(name);
        return {};
    }
    Result<std::optional<FormerKey>> former_key(const seal::KeyId &key) override {
        return find(m.former_keys, key);
    }
    Result<std::vector<FormerKey>> former_keys(const std::string &name) override {
        std::vector<FormerKey> out;
        for (const auto &[id, key] : m.former_keys)
            if (name.empty() || key.name == name)
                out.push_back(key);
        std::ranges::stable_sort(out, {}, &FormerKey::until);
        return out;
    }
    Result<void> put(const FormerKey &key) override {
        m.former_keys[key.id()] = key;
        return {};
    }

    Result<std::optional<Token>> token(const seal::Hash256 &hash) override {
        return find(m.tokens, hash);
    }
    Result<void> put(const Token &token) override {
        m.tokens[token.hash] = token;
        return {};
    }

    Result<std::optional<StoredAnswer>> answer(const std::string &by,
                                               const std::string &key) override {
        return find(m.answers, std::pair{by, key});
    }
    Result<void> put(const StoredAnswer &answer) override {
        m.answers[{answer.by, answer.key}] = answer;
        return {};
    }
    Result<void> put(const StoredReport &report) override {
        m.reports.push_back(report);
        return {};
    }
    Result<void> put(const Notice &notice) override {
        m.notices[notice.id] = notice;
        return {};
    }
    Result<std::optional<UtcTime>> next_notice() override {
        const auto found = first_notices();
        return found.empty() ? std::nullopt : std::optional(found.front().due);
    }
    Result<std::vector<Notice>> claim_notices(UtcTime now, UtcTime until,
                                              std::size_t most) override {
        auto out = first_notices();
        std::erase_if(out, [now](const Notice &n) { return n.due > now; });
        out.resize(std::min(out.size(), most));
        for (Notice &n : out) {
            n.due = until;
            ++n.attempts;
            m.notices[n.id] = n;
        }
        return out;
    }
    Result<void> forget_notice(const base::Id &id) override {
        m.notices.erase(id);
        return {};
    }
    Result<std::optional<seal::KeyId>> signing_key() override { return m.signing_key; }
    Result<void> put_signing_key(const seal::KeyId &id) override {
        m.signing_key = id;
        return {};
    }

    Result<void> prune(UtcTime before, UtcTime now) override {
        std::erase_if(m.answers, [&](const auto &a) { return a.second.created < before; });
        std::erase_if(m.demands, [&](const auto &d) {
            return m.bookings.at(d.first).life.window.closes() < before;
        });
        std::erase_if(m.former_keys,
                      [&](const auto &k) { return k.second.until < before && !k.second.revoked; });
        std::erase_if(m.tokens, [&](const auto &t) { return t.second.expires < now; });
        return {};
    }

  private:
    template <typename Map>
    static Result<std::optional<typename Map::mapped_type>> find(const Map &map,
                                                                 const typename Map::key_type &k) {
        const auto found = map.find(k);
        if (found == map.end())
            return std::nullopt;
        return found->second;
    }
    template <typename Keep> [[nodiscard]] std::vector<Booking> select(Keep keep) const {
        std::vector<Booking> out;
        for (const auto &[id, booking] : m.bookings)
            if (keep(booking))
                out.push_back(booking);
        return out;
    }

    // Those that wait for no earlier one, by when they are due.
    [[nodiscard]] std::vector<Notice> first_notices() const {
        const auto order = [](const Notice &n) { return std::pair{n.revision, n.id}; };
        std::map<std::pair<base::Id, std::string>, Notice> first;
        for (const auto &[id, notice] : m.notices) {
            const auto [at, made] =
                first.emplace(std::pair{notice.reservation, notice.target}, notice);
            if (!made && order(notice) < order(at->second))
                at->second = notice;
        }
        std::vector<Notice> out;
        out.reserve(first.size());
        for (const auto &[key, notice] : first)
            out.push_back(notice);
        std::ranges::stable_sort(out, {}, &Notice::due);
        return out;
    }

    Contents &m;
};

class MemoryLedger final : public Ledger {
  public:
    Result<void> write(const Work &work) override {
        const std::scoped_lock lock{m_mutex};
        Contents next = m_contents; // so that a failure leaves nothing behind
        MemoryTransaction transaction{next};
        TRY(work(transaction));
        m_contents = std::move(next);
        return {};
    }
    Result<void> read(const Work &work) override {
        const std::scoped_lock lock{m_mutex};
        Contents snapshot = m_contents;
        MemoryTransaction transaction{snapshot};
        return work(transaction);
    }

  private:
    std::mutex m_mutex;
    Contents m_contents;
};

} // namespace

std::unique_ptr<Ledger> make_memory_ledger() {
    return std::make_unique<MemoryLedger>();
}

} // namespace ledger
