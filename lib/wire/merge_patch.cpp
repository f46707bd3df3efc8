#include "wire/merge_patch.hpp"

namespace wire {

JsonObject merge_patch(const JsonObject &before, const JsonObject &after) {
    JsonObject out;
    for (const auto &[key, value] : before)
        if (!after.contains(key))
            out[key] = nullptr;
    for (const auto &[key, value] : after) {
        const Json *old = before.if_contains(key);
        if (old != nullptr && *old == value)
            continue;
        if (old != nullptr && old->is_object() && value.is_object())
            out[key] = merge_patch(old->get_object(), value.get_object());
        else
            out[key] = value;
    }
    return out;
}

Json merge(Json target, const Json &patch) {
    if (!patch.is_object())
        return patch;
    if (!target.is_object())
        target = JsonObject{};
    JsonObject &object = target.get_object();
    for (const auto &[key, value] : patch.get_object()) {
        if (value.is_null())
            object.erase(key);
        else
            object[key] = merge(object[key], value);
    }
    return target;
}

} // namespace wire
