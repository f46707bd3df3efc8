// What one program hands over to the one that takes its place (see hub_upgrade.cpp): a JSON
// document and descriptors. Each class names its members once, in its carry(); the same words write
// them and read them, so that the two cannot differ.
#pragma once

#include "base/clock.hpp"
#include "base/id.hpp"
#include "relay/slice.hpp"
#include "wire/json.hpp"

#include <atomic>
#include <concepts>
#include <limits>
#include <map>
#include <set>
#include <sys/types.h>

namespace relay {

/// Raise it when a carry() changes, or a message to a child, for the children go over as they run:
/// a program does not guess at what another one meant.
constexpr std::int64_t k_carry_format = 4;

/// Writes members or reads them. Reading stops at the first error, which finish() tells; what was
/// not read keeps its value. Not thread-safe.
class Carry {
  public:
    /// To be written: see text().
    Carry();
    /// Reads @p text, whose descriptors this process has. bad_data: it is of another format, or
    /// damaged. A @p rehearsal has the extents' descriptors only: the others, and processes, are
    /// read as -1.
    [[nodiscard]] static base::Result<Carry> read(std::string_view text, bool rehearsal);
    Carry(Carry &&) = default;
    Carry(const Carry &) = delete;
    Carry &operator=(Carry &&) = delete;
    ~Carry() = default;

    [[nodiscard]] bool writing() const { return m_out != nullptr; }
    [[nodiscard]] bool rehearsal() const { return m_rehearsal; }

    /// All that was written, as one document.
    [[nodiscard]] std::string text() const;
    /// What the reader needs: those of extents, and the others.
    [[nodiscard]] const std::vector<int> &extent_descriptors() const { return m_extent_fds; }
    [[nodiscard]] const std::vector<int> &descriptors() const { return m_fds; }

    /// At the end: the first error, or when reading a member that nobody asked for.
    [[nodiscard]] base::Result<void> finish();
    /// What was read cannot be.
    void refuse(base::Error error);
    [[nodiscard]] bool failed() const { return m_error.has_value(); }

    void operator()(std::string_view name, bool &value);
    void operator()(std::string_view name, std::string &value);
    void operator()(std::string_view name, base::Id &value);
    void operator()(std::string_view name, base::UtcTime &value);
    void operator()(std::string_view name, base::Millis &value);
    void operator()(std::string_view name, base::SteadyTime &value);
    void operator()(std::string_view name, ExtentPtr &value);
    void operator()(std::string_view name, Slice &value);

    /// Of 64 bits without a sign the same bits.
    template <std::integral T> void operator()(std::string_view name, T &value) {
        using Limits = std::numeric_limits<T>;
        constexpr bool whole = sizeof(T) == sizeof(std::int64_t);
        auto number = static_cast<std::int64_t>(value);
        integer(name, number, whole ? INT64_MIN : static_cast<std::int64_t>(Limits::min()),
                whole ? INT64_MAX : static_cast<std::int64_t>(Limits::max()));
        value = static_cast<T>(number);
    }
    template <typename T> void operator()(std::string_view name, std::atomic<T> &value) {
        T plain = value;
        (*this)(name, plain);
        value = plain;
    }
    template <typename T> void operator()(std::string_view name, std::optional<T> &value) {
        maybe(name, value, [](Carry &c, T &inner) { c("value", inner); });
    }

    /// Text that need not be UTF-8.
    void bytes(std::string_view name, std::string &value);
    /// A descriptor; -1: none. What is read belongs to the caller.
    void descriptor(std::string_view name, int &fd);
    /// A child of this process; -1: none.
    void process(std::string_view name, pid_t &pid);
    /// What has to be the same in both programs: else the error says that @p what has changed.
    void same(std::string_view name, std::string_view what, std::string_view value);

    /// A document of its own.
    template <typename T, typename Write, typename Parse>
    void json(std::string_view name, T &value, Write write, Parse parse) {
        if (m_out != nullptr)
            return put(name, write(value));
        const wire::Json *found = get(name);
        if (found == nullptr)
            return;
        auto done = parse(*found, m_in->where(name));
        if (!done)
            return refuse(std::move(done).error());
        value = *std::move(done);
    }

    /// An object, whose members @p members names: `members(Carry &)`.
    template <typename Members> void object(std::string_view name, Members members) {
        if (m_out != nullptr)
            return put(name, written([&] { members(*this); }));
        if (const wire::Json *found = get(name))
            within(*found, std::string(name), [&] { members(*this); });
    }
    /// A thing with a carry() of its own.
    template <typename T>
        requires requires(T &value, Carry &c) { value.carry(c); }
    void operator()(std::string_view name, T &value) {
        object(name, [&value](Carry &c) { value.carry(c); });
    }
    /// An object that may be absent: `members(Carry &, T &)`.
    template <typename T, typename Members>
    void maybe(std::string_view name, std::optional<T> &value, Members members) {
        if (m_out != nullptr)
            return value ? object(name, [&](Carry &c) { members(c, *value); }) : void();
        value.reset();
        const wire::Json *found = m_error || !m_in->has(name) ? nullptr : get(name);
        if (found == nullptr)
            return;
        value.emplace(T{});
        within(*found, std::string(name), [&] { members(*this, *value); });
    }
    /// Objects in a row: @p each is called @p size times, or when reading for each that there is.
    template <typename Each> void array(std::string_view name, std::size_t size, Each each) {
        if (m_out != nullptr) {
            wire::JsonArray items;
            for (std::size_t i = 0; i < size; ++i)
                items.push_back(written([&] { each(*this); }));
            return put(name, std::move(items));
        }
        const wire::Json *found = get(name);
        if (found == nullptr)
            return;
        if (!found->is_array())
            return refuse({base::Errc::bad_data, m_in->where(name) + ": not an array"});
        for (const wire::Json &item : found->as_array())
            within(item, std::string(name), [&] { each(*this); });
    }
    /// The same of a vector or deque: `members(Carry &, T &)`.
    template <typename Row, typename Members>
    void list(std::string_view name, Row &row, Members members) {
        auto at = row.begin();
        if (m_out == nullptr)
            row.clear();
        array(name, row.size(), [&](Carry &c) {
            if (m_out != nullptr)
                return members(c, *at++);
            members(c, row.emplace_back());
        });
    }
    /// The same of a map: `members(Carry &, Key &, Value &)`.
    template <typename Map, typename Members>
    void map(std::string_view name, Map &map, Members members) {
        auto at = map.begin();
        if (m_out == nullptr)
            map.clear();
        array(name, map.size(), [&](Carry &c) {
            if (m_out != nullptr) {
                typename Map::key_type key = at->first;
                members(c, key, at->second);
                ++at;
                return;
            }
            typename Map::key_type key{};
            typename Map::mapped_type value{};
            members(c, key, value);
            map.emplace(std::move(key), std::move(value));
        });
    }
    /// The same of a set.
    template <typename T> void set(std::string_view name, std::set<T> &set) {
        std::vector<T> all(set.begin(), set.end());
        list(name, all, [](Carry &c, T &value) { c("value", value); });
        if (m_out == nullptr)
            set = std::set<T>(all.begin(), all.end());
    }

  private:
    void integer(std::string_view name, std::int64_t &value, std::int64_t least, std::int64_t most);
    void put(std::string_view name, wire::Json value);
    [[nodiscard]] const wire::Json *get(std::string_view name);
    template <typename T> void take(base::Result<T> found, T &value) {
        if (!found)
            return refuse(std::move(found).error());
        value = *std::move(found);
    }
    template <typename Write> wire::Json written(Write write) {
        wire::JsonObject inner;
        wire::JsonObject *const outer = std::exchange(m_out, &inner);
        write();
        m_out = outer;
        return inner;
    }
    template <typename Members>
    void within(const wire::Json &value, const std::string &name, Members members) {
        if (m_error)
            return;
        auto inner = wire::ObjectReader::of(value, m_in->where(name));
        if (!inner)
            return refuse(std::move(inner).error());
        wire::ObjectReader *const outer = std::exchange(m_in, &*inner);
        members();
        if (!m_error)
            if (auto done = inner->finish(); !done)
                refuse(std::move(done).error());
        m_in = outer;
    }
    void take_descriptor(int fd);
    [[nodiscard]] base::Result<void> read_extents();

    bool m_rehearsal = false;
    std::unique_ptr<wire::JsonObject> m_root;    ///< of what is written
    std::unique_ptr<wire::Json> m_document;      ///< what is read
    std::unique_ptr<wire::ObjectReader> m_top;   ///< of that
    wire::JsonObject *m_out = nullptr;           ///< the object that is being written
    wire::ObjectReader *m_in = nullptr;          ///< or read
    std::map<ExtentPtr, std::int64_t> m_numbers; ///< of extents that were written
    std::vector<ExtentPtr> m_extents;            ///< those that were read, by number
    std::vector<int> m_extent_fds;
    std::vector<int> m_fds;
    std::set<int> m_taken; ///< descriptors that were read
    std::optional<base::Error> m_error;
};

} // namespace relay
