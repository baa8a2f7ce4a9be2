#include "e2e/http_client.h"

#include <curl/curl.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/numbers.h"
#include "e2e/api_document.h"

namespace flashdb::e2e {
namespace {

size_t OnBody(char* bytes, size_t, size_t size, void* to) {
  static_cast<std::string*>(to)->append(bytes, size);
  return size;
}

size_t OnData(char* bytes, size_t, size_t size, void* to) {
  const auto& on_data = *static_cast<const std::function<bool(std::string_view)>*>(to);
  return on_data(std::string_view(bytes, size)) ? size : 0;
}

size_t OnHeader(char* bytes, size_t, size_t size, void* to) {
  auto& headers = *static_cast<std::map<std::string, std::string>*>(to);
  const std::string_view line(bytes, size);
  if (line.starts_with("HTTP/")) headers.clear();  // after a 100
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && std::string_view(" \r\n").find(value.back()) != std::string_view::npos) {
    value.remove_suffix(1);
  }
  std::string& all = headers[ToLower(line.substr(0, colon))];
  all += (all.empty() ? "" : ", ") + std::string(value);
  return size;
}

struct Upload {
  std::string_view rest;
};

size_t OnRead(char* to, size_t, size_t size, void* from) {
  auto& upload = *static_cast<Upload*>(from);
  const size_t taken = std::min(size, upload.rest.size());
  upload.rest.copy(to, taken);
  upload.rest.remove_prefix(taken);
  return taken;
}

}  // namespace

struct HttpClient::Handle {
  CURL* curl = curl_easy_init();
  curl_slist* headers = nullptr;
  Upload upload;

  ~Handle() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
  }
  template <typename T>
  void Set(CURLoption option, T value) {
    FLASHDB_CHECK(curl_easy_setopt(curl, option, value) == CURLE_OK, "curl option {}",
                  static_cast<int>(option));
  }
  void AddHeader(const std::string& line) { headers = curl_slist_append(headers, line.c_str()); }
  void SetBody(std::string_view method, std::string_view body, bool chunked) {
    if (chunked) {
      upload.rest = body;
      Set(CURLOPT_UPLOAD, 1L);
      Set(CURLOPT_READFUNCTION, &OnRead);
      Set(CURLOPT_READDATA, &upload);
      AddHeader("Transfer-Encoding: chunked");
    } else if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
      Set(CURLOPT_POSTFIELDS, body.data());
    }
    if (method == "HEAD") Set(CURLOPT_NOBODY, 1L);
    Set(CURLOPT_CUSTOMREQUEST, std::string(method).c_str());
  }
};

std::string HttpReply::header(const std::string& lower_name) const {
  auto found = headers.find(lower_name);
  return found == headers.end() ? "" : found->second;
}

nlohmann::json HttpReply::json() const {
  auto value = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(value.is_discarded()) << "no JSON: " << body;
  return value;
}

HttpClient::HttpClient(uint16_t port) : port_(port), handle_(std::make_unique<Handle>()) {}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::Request(std::string_view method, const std::string& target,
                              std::string_view body, const HttpOptions& options) {
  Handle& handle = *handle_;
  curl_easy_reset(handle.curl);
  curl_slist_free_all(std::exchange(handle.headers, nullptr));
  HttpReply reply;
  const std::string url = "http://127.0.0.1:" + std::to_string(port_) + target;
  handle.Set(CURLOPT_URL, url.c_str());
  handle.Set(CURLOPT_PATH_AS_IS, 1L);
  handle.Set(CURLOPT_NOSIGNAL, 1L);
  handle.Set(CURLOPT_TIMEOUT_MS, options.timeout_ms);
  handle.Set(CURLOPT_HEADERFUNCTION, &OnHeader);
  handle.Set(CURLOPT_HEADERDATA, &reply.headers);
  handle.Set(CURLOPT_WRITEFUNCTION, options.on_data ? &OnData : &OnBody);
  handle.Set(CURLOPT_WRITEDATA, options.on_data ? static_cast<const void*>(&options.on_data)
                                                : static_cast<const void*>(&reply.body));
  handle.AddHeader("Content-Type:");  // curl's own choice would be a form
  for (const std::string& line : options.headers) handle.AddHeader(line);
  if (!password.empty()) handle.AddHeader("Authorization: Bearer " + password);
  if (!options.user.empty()) handle.Set(CURLOPT_USERPWD, options.user.c_str());
  handle.SetBody(method, body, options.chunked);
  handle.Set(CURLOPT_HTTPHEADER, handle.headers);
  const CURLcode code = curl_easy_perform(handle.curl);
  long status = 0;
  curl_easy_getinfo(handle.curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle.curl, CURLINFO_NUM_CONNECTS, &opened_);
  if (code != CURLE_OK) reply.error = curl_easy_strerror(code);
  reply.status = code == CURLE_OK || options.on_data ? static_cast<int>(status) : 0;
  if (code == CURLE_OK && options.check && !options.on_data) {
    const std::string why = ApiDocument::Of(port_).Check(method, target, reply);
    EXPECT_EQ(why, "") << method << " " << target << "\n" << reply.body;
  }
  return reply;
}

HttpReply HttpClient::PostJson(const std::string& target, const nlohmann::json& body) {
  return Post(target, body.dump(), {.headers = {"Content-Type: application/json"}});
}

std::string Escaped(std::string_view text) {
  char* escaped = curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size()));
  std::string result = escaped;
  curl_free(escaped);
  return result;
}

}  // namespace flashdb::e2e
