#include "wire/lists.hpp"

namespace wire {

using base::Result;

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
            return base::fail(base::Errc::bad_data,
                              "{}: '{}' is not a name (letters, digits, - and _)", in.where(key),
                              name.substr(0, 40));
    return names;
}

} // namespace wire
