#include "net/curl.hpp"

#include <dlfcn.h>

namespace net::curl {

namespace {

// Never unloaded: OpenSSL and others register what runs at the end of the program. Lazily: it
// brings some thirty libraries along, of which a transfer needs a few.
void *load() {
    void *out = ::dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
    if (out == nullptr)
        throw std::runtime_error("libcurl 4 is not installed (apt install libcurl4)");
    return out;
}

template <typename Function> void find(void *from, Function &function, const char *name) {
    function = reinterpret_cast<Function>(::dlsym(from, name));
    if (function == nullptr)
        throw std::runtime_error(std::string("libcurl lacks ") + name);
}

Library open_library() {
    void *from = load();
    Library out{};
    find(from, out.global_init, "curl_global_init");
    find(from, out.easy_init, "curl_easy_init");
    find(from, out.easy_cleanup, "curl_easy_cleanup");
    find(from, out.easy_setopt, "curl_easy_setopt");
    find(from, out.easy_perform, "curl_easy_perform");
    find(from, out.easy_getinfo, "curl_easy_getinfo");
    find(from, out.easy_strerror, "curl_easy_strerror");
    find(from, out.free, "curl_free");
    find(from, out.slist_append, "curl_slist_append");
    find(from, out.slist_free_all, "curl_slist_free_all");
    find(from, out.url, "curl_url");
    find(from, out.url_cleanup, "curl_url_cleanup");
    find(from, out.url_get, "curl_url_get");
    find(from, out.url_set, "curl_url_set");
    find(from, out.mime_init, "curl_mime_init");
    find(from, out.mime_free, "curl_mime_free");
    find(from, out.mime_addpart, "curl_mime_addpart");
    find(from, out.mime_data, "curl_mime_data");
    find(from, out.mime_type, "curl_mime_type");
    find(from, out.mime_encoder, "curl_mime_encoder");
    return out;
}

} // namespace

const Library &library() {
    static const Library loaded = open_library();
    return loaded;
}

} // namespace net::curl
