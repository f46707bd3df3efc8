#include "relay/carry.hpp"

#include "base/version.hpp"
#include "seal/encoding.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace relay {

using base::Errc;
using base::Result;

namespace {
constexpr std::size_t k_most_text = std::size_t{64} << 20;
constexpr std::size_t k_most_extents_carried = 1'000'000;
} // namespace

Carry::Carry() : m_root(std::make_unique<wire::JsonObject>()), m_out(m_root.get()) {}

Result<Carry> Carry::read(std::string_view text, bool rehearsal) {
    Carry out;
    out.m_rehearsal = rehearsal;
    out.m_out = nullptr;
    out.m_document = std::make_unique<wire::Json>(TRY(wire::parse_json(text, "state")));
    out.m_top =
        std::make_unique<wire::ObjectReader>(TRY(wire::ObjectReader::of(*out.m_document, "state")));
    out.m_in = out.m_top.get();
    const std::int64_t format = TRY(out.m_in->integer("format"));
    const std::string version = TRY(out.m_in->string("version"));
    if (format != k_carry_format)
        return base::fail_hint(Errc::bad_data, "restart the relay instead",
                               "the state is of format {}, from version {}; this is version {}, "
                               "which knows format {}",
                               format, version, base::k_version, k_carry_format);
    TRY(out.read_extents());
    return out;
}

Result<void> Carry::read_extents() {
    for (const wire::Json &item : *TRY(m_in->array("extents", k_most_extents_carried))) {
        auto in = TRY(wire::ObjectReader::of(item, m_in->where("extents")));
        const auto fd = static_cast<int>(TRY(in.integer("fd", 3, INT32_MAX)));
        const std::int64_t bytes = TRY(in.integer("bytes"));
        TRY(in.finish());
        take_descriptor(fd);
        if (m_error)
            return std::unexpected(*m_error);
        base::Fd owned{fd};
        struct stat found{};
        if (::fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size < bytes)
            return base::fail(Errc::bad_data, "{}: descriptor {} is not memory of {} bytes",
                              m_in->where("extents"), fd, bytes);
        m_extents.push_back(std::make_shared<const Extent>(std::move(owned), bytes));
    }
    return {};
}

std::string Carry::text() const {
    wire::JsonArray extents(m_numbers.size());
    for (const auto &[extent, number] : m_numbers)
        extents[static_cast<std::size_t>(number)] =
            wire::JsonObject{{"fd", extent->fd()}, {"bytes", extent->bytes()}};
    wire::JsonObject all{
        {"format", k_carry_format}, {"version", base::k_version}, {"extents", std::move(extents)}};
    for (const auto &[name, value] : *m_root)
        all[name] = value;
    return wire::compact_json(all);
}

Result<void> Carry::finish() {
    if (m_error)
        return std::unexpected(*m_error);
    return writing() ? Result<void>{} : m_top->finish();
}

void Carry::refuse(base::Error error) {
    if (!m_error)
        m_error = std::move(error);
}

void Carry::put(std::string_view name, wire::Json value) {
    m_out->emplace(name, std::move(value));
}

const wire::Json *Carry::get(std::string_view name) {
    if (m_error)
        return nullptr;
    const wire::Json *found = nullptr;
    take<const wire::Json *>(m_in->value(name), found);
    return found;
}

void Carry::integer(std::string_view name, std::int64_t &value, std::int64_t least,
                    std::int64_t most) {
    if (m_out != nullptr)
        return put(name, value);
    if (!m_error)
        take(m_in->integer(name, least, most), value);
}

void Carry::operator()(std::string_view name, bool &value) {
    if (m_out != nullptr)
        return put(name, value);
    const wire::Json *found = get(name);
    if (found != nullptr && !found->is_bool())
        return refuse({Errc::bad_data, m_in->where(name) + ": not true or false"});
    if (found != nullptr)
        value = found->as_bool();
}

void Carry::operator()(std::string_view name, std::string &value) {
    if (m_out != nullptr)
        return put(name, wire::Json(value));
    if (!m_error)
        take(m_in->string(name, k_most_text), value);
}

void Carry::bytes(std::string_view name, std::string &value) {
    std::string text = writing() ? seal::to_base64url(seal::bytes_of(value)) : "";
    (*this)(name, text);
    if (writing() || m_error)
        return;
    const auto read = seal::from_base64url(text);
    if (!read)
        return refuse({Errc::bad_data, m_in->where(name) + ": " + read.error().message});
    value = seal::text_of(*read);
}

void Carry::operator()(std::string_view name, base::Id &value) {
    std::string text = value.text();
    (*this)(name, text);
    if (!writing() && !m_error)
        take(base::Id::parse(text), value);
}

void Carry::operator()(std::string_view name, base::UtcTime &value) {
    std::int64_t ms = base::unix_ms(value);
    (*this)(name, ms);
    value = base::from_unix_ms(ms);
}

void Carry::operator()(std::string_view name, base::Millis &value) {
    std::int64_t ms = value.count();
    (*this)(name, ms);
    value = base::Millis{ms};
}

// CLOCK_MONOTONIC goes on over the change of programs.
void Carry::operator()(std::string_view name, base::SteadyTime &value) {
    std::int64_t ticks = value.time_since_epoch().count();
    (*this)(name, ticks);
    value = base::SteadyTime{base::SteadyTime::duration{ticks}};
}

void Carry::operator()(std::string_view name, ExtentPtr &value) {
    std::int64_t number = -1;
    if (writing() && value) {
        const auto [at, fresh] =
            m_numbers.try_emplace(value, static_cast<std::int64_t>(m_numbers.size()));
        number = at->second;
        if (fresh)
            m_extent_fds.push_back(value->fd());
    }
    (*this)(name, number);
    if (writing() || m_error)
        return;
    if (number >= std::ssize(m_extents))
        return refuse({Errc::bad_data, m_in->where(name) + ": there is no such extent"});
    value = number < 0 ? nullptr : m_extents[static_cast<std::size_t>(number)];
}

void Carry::operator()(std::string_view name, Slice &value) {
    object(name, [&value](Carry &c) {
        c("extent", value.extent);
        c("offset", value.offset);
        c("begin", value.begin);
        c("end", value.end);
        if (c.failed() || c.writing())
            return;
        if (!value.extent || value.offset < 0 || value.end < value.begin ||
            value.offset + value.end - value.begin > value.extent->bytes())
            c.refuse({Errc::bad_data, "state: a slice that is not in its extent"});
    });
}

// Close-on-exec again, and not twice the same.
void Carry::take_descriptor(int fd) {
    if (!m_taken.insert(fd).second)
        return refuse({Errc::bad_data, fmt::format("state: descriptor {} stands there twice", fd)});
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        refuse({Errc::bad_data, fmt::format("state: descriptor {} is not there", fd)});
}

void Carry::descriptor(std::string_view name, int &fd) {
    if (writing() && fd >= 0)
        m_fds.push_back(fd);
    int number = fd;
    (*this)(name, number);
    if (writing() || m_error)
        return;
    fd = m_rehearsal ? -1 : number;
    if (fd >= 0)
        take_descriptor(fd);
}

void Carry::process(std::string_view name, pid_t &pid) {
    pid_t number = pid;
    (*this)(name, number);
    if (!writing() && !m_error)
        pid = m_rehearsal ? -1 : number;
}

void Carry::same(std::string_view name, std::string_view what, std::string_view value) {
    std::string text{value};
    (*this)(name, text);
    if (!writing() && !m_error && text != value)
        refuse({Errc::config,
                fmt::format("{} has changed: from {} to {}", what, text.empty() ? "none" : text,
                            value.empty() ? "none" : value),
                "a change of that takes effect with a restart"});
}

} // namespace relay
