#include "base/result.hpp"

#include <system_error>

namespace base {

std::string errno_text(int err) {
    std::string text = std::generic_category().message(err);
    if (!text.empty())
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

std::unexpected<Error> fail_errno(std::string_view operation, std::string_view object, int err) {
    Errc code = Errc::io;
    std::string hint;
    switch (err) {
    case EACCES:
    case EPERM:
        code = Errc::not_permitted;
        hint = "run as the owner, or with the privilege that the manual names";
        break;
    case ENOENT:
        code = Errc::no_input;
        break;
    case ENOSPC:
    case EDQUOT:
        hint = "free some space and run the same command again";
        break;
    case ENODEV:
    case ENXIO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ECONNREFUSED:
    case ETIMEDOUT:
        code = Errc::unavailable;
        break;
    case EAGAIN:
    case EBUSY:
        code = Errc::try_again;
        break;
    default:
        break;
    }
    return std::unexpected(
        Error{code, fmt::format("{} {}: {}", operation, object, errno_text(err)), std::move(hint)});
}

} // namespace base
