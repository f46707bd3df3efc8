// What the users of libcurl share. For http_client.cpp and mail.cpp only.
#pragma once

#include <curl/curl.h>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>

namespace net::curl {

struct Free {
    void operator()(CURL *handle) const { curl_easy_cleanup(handle); }
    void operator()(CURLU *url) const { curl_url_cleanup(url); }
    void operator()(curl_slist *list) const { curl_slist_free_all(list); }
    void operator()(curl_mime *mime) const { curl_mime_free(mime); }
    void operator()(char *text) const { curl_free(text); }
};
using Handle = std::unique_ptr<CURL, Free>;
using Url = std::unique_ptr<CURLU, Free>;
using List = std::unique_ptr<curl_slist, Free>;
using Mime = std::unique_ptr<curl_mime, Free>;

inline Handle make_handle() {
    static std::once_flag initialised;
    std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    Handle out{curl_easy_init()};
    if (!out)
        throw std::bad_alloc();
    return out;
}

template <typename Value> void set(CURL *handle, CURLoption option, Value value) {
    // The variadic call takes long, pointers and function pointers; each option's own type.
    if (curl_easy_setopt(handle, option, value) != CURLE_OK)
        throw std::runtime_error("libcurl lacks an option that this program needs");
}

inline void add(List &list, const std::string &line) {
    curl_slist *longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr)
        throw std::bad_alloc();
    if (list.get() != longer) // the first of a list becomes its owner; others are appended
        list.reset(longer);
}

} // namespace net::curl
