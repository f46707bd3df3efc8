#include "wire/lists.hpp"

#include "base/text.hpp"

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {
constexpr std::size_t k_max_title = 200;
}

Result<std::string> read_title(ObjectReader &in) {
    std::string title = TRY(in.string("title", k_max_title));
    for (const char c : title)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return fail(Errc::bad_data, "{}: holds a control character", in.where("title"));
    return title;
}

Result<void> check_title(std::string_view title, std::string_view where) {
    if (base::is_plain_text(title))
        return {};
    return fail(Errc::bad_data,
                "{}: holds a control character, or one that separates lines or turns the direction "
                "of writing",
                where);
}

JsonArray to_array(const std::vector<std::string> &items) {
    JsonArray out;
    for (const std::string &item : items)
        out.emplace_back(item);
    return out;
}

Result<std::vector<std::string>> plain_names(ObjectReader &in, std::string_view key) {
    auto names = TRY(in.strings(key));
    for (const std::string &name : names)
        if (!is_plain_name(name))
            return fail(Errc::bad_data, "{}: '{}' is not a name (letters, digits, - and _)",
                        in.where(key), name.substr(0, 40));
    return names;
}

} // namespace wire
