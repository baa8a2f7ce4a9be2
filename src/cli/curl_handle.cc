#include "cli/curl_handle.h"

#include "cli/interrupt.h"

namespace flashdb::cli {
namespace {

constexpr long kConnectTimeoutMillis = 5000;

int StopIfInterrupted(void* /*data*/, curl_off_t /*total*/, curl_off_t /*now*/,
                      curl_off_t /*upload_total*/, curl_off_t /*uploaded*/) {
  return Interrupt::requested() ? 1 : 0;
}

CurlHeaders HeadersOf(const ApiOptions& options, const ApiRequest& request) {
  std::vector<std::string> lines = {"Accept: " + request.accept, "Expect:"};
  if (!request.body.empty()) lines.push_back("Content-Type: " + request.content_type);
  if (!options.password.empty()) lines.push_back("Authorization: Bearer " + options.password);
  CurlHeaders headers;
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    FLASHDB_CHECK(longer != nullptr, "out of memory");
    (void)headers.release();  // `longer` owns it now
    headers.reset(longer);
  }
  return headers;
}

}  // namespace

void InitializeCurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  FLASHDB_CHECK(code == CURLE_OK, "libcurl can't start: {}", curl_easy_strerror(code));
}

CurlHandle::CurlHandle() {
  InitializeCurl();
  easy_.reset(curl_easy_init());
  FLASHDB_CHECK(easy_ != nullptr, "out of memory");
}

void CurlHandle::Prepare(const ApiOptions& options, const ApiRequest& request) {
  CURL* easy = easy_.get();
  curl_easy_reset(easy);  // keeps the connection
  error_[0] = '\0';
  headers_ = HeadersOf(options, request);
  SetOption(easy, CURLOPT_URL, (options.server + request.target).c_str());
  SetOption(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  SetOption(easy, CURLOPT_PROXY, "");       // a database is asked directly
  SetOption(easy, CURLOPT_PATH_AS_IS, 1L);  // "." is refused as a name, not resolved as a folder
  SetOption(easy, CURLOPT_NOSIGNAL, 1L);
  SetOption(easy, CURLOPT_ERRORBUFFER, error_.data());
  SetOption(easy, CURLOPT_HTTPHEADER, headers_.get());
  SetOption(easy, CURLOPT_USERAGENT, "flashq/" FLASHDB_VERSION);
  SetOption(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMillis);
  SetOption(easy, CURLOPT_TCP_KEEPALIVE, 1L);  // a stream may be silent for long
  SetOption(easy, CURLOPT_XFERINFOFUNCTION, &StopIfInterrupted);
  SetOption(easy, CURLOPT_NOPROGRESS, request.finishing ? 1L : 0L);
  if (!request.body.empty()) {
    SetOption(easy, CURLOPT_POSTFIELDS, request.body.data());
    SetOption(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  } else if (request.method == "POST" || request.method == "PUT") {
    SetOption(easy, CURLOPT_POSTFIELDS, "");
    SetOption(easy, CURLOPT_POSTFIELDSIZE, 0L);
  }
  SetOption(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

int CurlHandle::status() const {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

}  // namespace flashdb::cli
