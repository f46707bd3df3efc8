// The owner of libical's handles, and its lock. For ical/*.cpp only.
#pragma once

#include <libical/ical.h>
#include <memory>
#include <mutex>

namespace ical {

/// libical keeps its last error, its settings and its zones in globals: one thread at a time.
[[nodiscard]] inline std::mutex &library() {
    static std::mutex mutex;
    return mutex;
}

struct Free {
    void operator()(icalcomponent *component) const { icalcomponent_free(component); }
    void operator()(icalrecur_iterator *iterator) const { icalrecur_iterator_free(iterator); }
};
using Component = std::unique_ptr<icalcomponent, Free>;
using Iterator = std::unique_ptr<icalrecur_iterator, Free>;

} // namespace ical
