// What the users of libcurl share. For http_client.cpp and mail.cpp only.
#pragma once

#include <curl/curl.h>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>

namespace net::curl {

/// What is used of the library. It is loaded at the first use: with all that it needs in turn,
/// which is most of what a program links, that takes 7 ms, and carrier-connect up or down asks
/// nobody by HTTP.
struct Library {
    decltype(&curl_global_init) global_init;
    decltype(&curl_easy_init) easy_init;
    decltype(&curl_easy_cleanup) easy_cleanup;
    decltype(&curl_easy_setopt) easy_setopt;
    decltype(&curl_easy_perform) easy_perform;
    decltype(&curl_easy_getinfo) easy_getinfo;
    decltype(&curl_easy_strerror) easy_strerror;
    decltype(&curl_free) free;
    decltype(&curl_slist_append) slist_append;
    decltype(&curl_slist_free_all) slist_free_all;
    decltype(&curl_url) url;
    decltype(&curl_url_cleanup) url_cleanup;
    decltype(&curl_url_get) url_get;
    decltype(&curl_url_set) url_set;
    decltype(&curl_mime_init) mime_init;
    decltype(&curl_mime_free) mime_free;
    decltype(&curl_mime_addpart) mime_addpart;
    decltype(&curl_mime_data) mime_data;
    decltype(&curl_mime_type) mime_type;
    decltype(&curl_mime_encoder) mime_encoder;
};
/// Throws std::runtime_error when it is not installed. Thread-safe.
const Library &library();

struct Free {
    void operator()(CURL *handle) const { library().easy_cleanup(handle); }
    void operator()(CURLU *url) const { library().url_cleanup(url); }
    void operator()(curl_slist *list) const { library().slist_free_all(list); }
    void operator()(curl_mime *mime) const { library().mime_free(mime); }
    void operator()(char *text) const { library().free(text); }
};
using Handle = std::unique_ptr<CURL, Free>;
using Url = std::unique_ptr<CURLU, Free>;
using List = std::unique_ptr<curl_slist, Free>;
using Mime = std::unique_ptr<curl_mime, Free>;

inline Handle make_handle() {
    static std::once_flag initialised;
    std::call_once(initialised, [] { library().global_init(CURL_GLOBAL_DEFAULT); });
    Handle out{library().easy_init()};
    if (!out)
        throw std::bad_alloc();
    return out;
}

template <typename Value> void set(CURL *handle, CURLoption option, Value value) {
    // The variadic call takes long, pointers and function pointers; each option's own type.
    if (library().easy_setopt(handle, option, value) != CURLE_OK)
        throw std::runtime_error("libcurl lacks an option that this program needs");
}

inline void add(List &list, const std::string &line) {
    curl_slist *longer = library().slist_append(list.get(), line.c_str());
    if (longer == nullptr)
        throw std::bad_alloc();
    if (list.get() != longer) // the first of a list becomes its owner; others are appended
        list.reset(longer);
}

} // namespace net::curl
