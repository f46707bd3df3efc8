// What changed between two documents, as one that says it: JSON Merge Patch, RFC 7396.
#pragma once

#include "wire/json.hpp"

namespace wire {

/// The patch that makes @p after of @p before; both without null, which a patch cannot say. Empty
/// when they are equal. Lists are told whole.
[[nodiscard]] JsonObject merge_patch(const JsonObject &before, const JsonObject &after);

/// Applies @p patch (RFC 7396 section 2).
[[nodiscard]] Json merge(Json target, const Json &patch);

} // namespace wire
