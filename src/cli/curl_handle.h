// libcurl's objects with owners, and the settings all of our requests share.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>

#include "base/check.h"
#include "cli/api_client.h"

namespace flashdb::cli {

template <auto kFree>
struct CurlDeleter {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using CurlEasy = std::unique_ptr<CURL, CurlDeleter<curl_easy_cleanup>>;
using CurlMulti = std::unique_ptr<CURLM, CurlDeleter<curl_multi_cleanup>>;
using CurlHeaders = std::unique_ptr<curl_slist, CurlDeleter<curl_slist_free_all>>;

/// Before any other call into libcurl; further calls do nothing. Any thread.
void InitializeCurl();

/// A transfer at a time. The request's body must live until the transfer has ended.
class CurlHandle {
 public:
  CurlHandle();
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;

  /// Sets all but the timeouts and where the body goes.
  void Prepare(const ApiOptions& options, const ApiRequest& request);

  CURL* get() const { return easy_.get(); }
  std::string error() const { return error_.data(); }
  int status() const;

 private:
  CurlEasy easy_;
  CurlHeaders headers_;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

/// curl_easy_setopt for options that can't fail with the types we give.
template <typename Option, typename Value>
void SetOption(CURL* easy, Option option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  FLASHDB_CHECK(code == CURLE_OK, "libcurl refuses option {}: {}", static_cast<int>(option),
                curl_easy_strerror(code));
}

}  // namespace flashdb::cli
