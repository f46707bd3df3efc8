// Documents as text. Reading their members: json.cpp.
#include "wire/json.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <utility>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {

// Boost.JSON keeps the last of two members with one name; two readers could then disagree about
// what was signed, so this refuses duplicates while it builds the document. It refuses fractions
// too, for which RFC 8785 has rules that our documents have no use for.
class StrictHandler {
  public:
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = max_object_size;
    static constexpr std::size_t max_key_size = max_object_size;
    static constexpr std::size_t max_string_size = max_object_size;
    using error_code = boost::json::error_code;
    using Text = boost::json::string_view;

    StrictHandler() { m_values.reset(); }

    bool on_document_begin(error_code &) { return true; }
    bool on_document_end(error_code &) { return true; }
    bool on_object_begin(error_code &) {
        m_objects.push_back(m_names.size());
        return true;
    }
    bool on_object_end(std::size_t size, error_code &ec) {
        const auto begin = m_names.begin() + static_cast<std::ptrdiff_t>(m_objects.back());
        std::sort(begin, m_names.end());
        if (const auto twice = std::adjacent_find(begin, m_names.end()); twice != m_names.end()) {
            duplicate = *twice;
            ec = boost::json::error::syntax;
            return false;
        }
        m_names.erase(begin, m_names.end());
        m_objects.pop_back();
        m_values.push_object(size);
        return true;
    }
    bool on_array_begin(error_code &) { return true; }
    bool on_array_end(std::size_t size, error_code &) {
        m_values.push_array(size);
        return true;
    }
    bool on_key_part(Text part, std::size_t, error_code &) {
        m_key.append(part.data(), part.size());
        m_values.push_chars(part);
        return true;
    }
    bool on_key(Text part, std::size_t, error_code &) {
        m_key.append(part.data(), part.size());
        m_names.push_back(std::exchange(m_key, {}));
        m_values.push_key(part);
        return true;
    }
    bool on_string_part(Text part, std::size_t, error_code &) {
        m_values.push_chars(part);
        return true;
    }
    bool on_string(Text part, std::size_t, error_code &) {
        m_values.push_string(part);
        return true;
    }
    bool on_number_part(Text, error_code &) { return true; }
    bool on_int64(std::int64_t number, Text, error_code &) {
        m_values.push_int64(number);
        return true;
    }
    bool on_uint64(std::uint64_t number, Text, error_code &) {
        m_values.push_uint64(number);
        return true;
    }
    bool on_double(double, Text, error_code &ec) {
        fraction = true;
        ec = boost::json::error::syntax;
        return false;
    }
    bool on_bool(bool value, error_code &) {
        m_values.push_bool(value);
        return true;
    }
    bool on_null(error_code &) {
        m_values.push_null();
        return true;
    }
    bool on_comment_part(Text, error_code &) { return true; }
    bool on_comment(Text, error_code &) { return true; }

    /// The document, whole.
    [[nodiscard]] Json take() { return m_values.release(); }

    std::string duplicate;
    bool fraction = false;

  private:
    boost::json::value_stack m_values;
    std::vector<std::string> m_names;   // of the objects that are open
    std::vector<std::size_t> m_objects; // where each one's begin
    std::string m_key;
};

boost::json::parse_options options() {
    boost::json::parse_options o;
    o.max_depth = 32;
    return o;
}

enum class Order { canonical, inserted };

// Most texts stand as they are: Boost.JSON makes a string of each.
void write_text(std::string_view text, std::string &out) {
    const bool plain = std::ranges::none_of(
        text, [](unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; });
    if (!plain) {
        out += boost::json::serialize(boost::json::string_view{text.data(), text.size()});
        return;
    }
    out += '"';
    out += text;
    out += '"';
}

void write(const Json &value, std::string &out, Order order);

void write_object(const JsonObject &object, std::string &out, Order order) {
    std::vector<std::pair<std::string_view, const Json *>> members;
    members.reserve(object.size());
    for (const auto &member : object)
        members.emplace_back(std::string_view{member.key().data(), member.key().size()},
                             &member.value());
    // RFC 8785 sorts by UTF-16 code units; our names are ASCII, where bytes sort the same.
    if (order == Order::canonical)
        std::ranges::sort(members, {}, [](const auto &member) { return member.first; });
    out += '{';
    for (bool first = true; const auto &[name, value] : members) {
        if (!std::exchange(first, false))
            out += ',';
        write_text(name, out);
        out += ':';
        write(*value, out, order);
    }
    out += '}';
}

void write(const Json &value, std::string &out, Order order) {
    switch (value.kind()) {
    case boost::json::kind::object:
        return write_object(value.get_object(), out, order);
    case boost::json::kind::array:
        out += '[';
        for (bool first = true; const Json &item : value.get_array()) {
            if (!std::exchange(first, false))
                out += ',';
            write(item, out, order);
        }
        out += ']';
        return;
    case boost::json::kind::string:
        return write_text({value.get_string().data(), value.get_string().size()}, out);
    case boost::json::kind::int64:
        out += fmt::format_int{value.get_int64()}.c_str();
        return;
    case boost::json::kind::double_:
        if (order == Order::canonical)
            throw std::invalid_argument("canonical_json: our documents hold no fractions");
        [[fallthrough]];
    default:
        out += boost::json::serialize(value);
    }
}

} // namespace

Result<Json> parse_json(std::string_view text, std::string_view name) {
    boost::json::error_code ec;
    boost::json::basic_parser<StrictHandler> check{options()};
    const std::size_t read = check.write_some(false, text.data(), text.size(), ec);
    if (!check.handler().duplicate.empty())
        return fail(Errc::bad_data, "{}: the name '{}' stands twice in one object", name,
                    check.handler().duplicate.substr(0, 64));
    if (check.handler().fraction)
        return fail(Errc::bad_data, "{}: a number that is not whole, or too large", name);
    if (!ec && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
        return fail(Errc::bad_data, "{}: more text after the JSON document, at byte {}", name,
                    read);
    if (ec)
        return fail(Errc::bad_data, "{}: not JSON at byte {}: {}", name, read, ec.message());
    return check.handler().take();
}

std::string canonical_json(const Json &value) {
    std::string out;
    write(value, out, Order::canonical);
    return out;
}

std::string compact_json(const Json &value) {
    std::string out;
    write(value, out, Order::inserted);
    return out;
}

} // namespace wire
