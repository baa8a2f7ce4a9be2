#include "cli/api_client.h"

#include "cli/curl_handle.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

// A request for 10,000 records may bring much; this bounds what a stranger on the port can.
constexpr size_t kMaxReplyBytes = size_t{1} << 30;

size_t AppendTo(char* data, size_t /*one*/, size_t size, void* to) {
  auto* body = static_cast<std::string*>(to);
  if (body->size() + size > kMaxReplyBytes) return 0;
  body->append(data, size);
  return size;
}

absl::StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 401:
    case 403:
      return absl::StatusCode::kUnauthenticated;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return absl::StatusCode::kAlreadyExists;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kFailedPrecondition;
  }
}

std::string DetailsOf(const Json& error) {
  const Json& details = Member(error, "details");
  if (details.is_null() || details.empty()) return "";
  return " (" + (details.is_string() ? details.get<std::string>() : ToText(details)) + ")";
}

std::string ExplanationOf(const ApiReply& reply) {
  auto error = ParseJson(reply.body);
  if (error.ok() && !StringOf(*error, "message").empty()) {
    return StringOf(*error, "message") + DetailsOf(*error);
  }
  return reply.body.empty() ? "without an explanation"
                            : Escape(std::string_view(reply.body).substr(0, 200));
}

}  // namespace

StatusOr<std::string> ServerUrl(std::string text) {
  if (text.find("://") == std::string::npos) text = "http://" + text;
  if (!text.starts_with("http://") && !text.starts_with("https://")) {
    return absl::InvalidArgumentError(
        fmt::format("the server '{}' is no http:// or https:// URL", text));
  }
  const size_t authority = text.find("://") + 3;
  if (text.substr(authority, text.find('/', authority) - authority).find('@') !=
      std::string::npos) {
    return absl::InvalidArgumentError(
        "the server's URL holds a password, which other users of this machine could see; use "
        "FLASHQ_PASSWORD or --password-file");
  }
  while (text.ends_with('/')) text.pop_back();
  if (text.size() <= authority) return absl::InvalidArgumentError("the server's URL has no host");
  return text;
}

Status RefusalOf(const ApiRequest& request, const ApiReply& reply) {
  std::string message = fmt::format("{} {}: {} {}", request.method,
                                    request.target.substr(0, request.target.find('?')),
                                    reply.status, ExplanationOf(reply));
  if (reply.status == 401) {
    message += "; give the server's password in FLASHQ_PASSWORD or with --password-file";
  }
  return Status(CodeOf(reply.status), message);
}

Status TransportError(int code, const ApiOptions& options, const std::string& detail) {
  const std::string what =
      detail.empty() ? curl_easy_strerror(static_cast<CURLcode>(code)) : detail;
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return absl::CancelledError("interrupted");
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(fmt::format(
          "{} gave no answer in time ({}); raise --timeout, or see what keeps the server busy",
          options.server, what));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return absl::InvalidArgumentError(
          fmt::format("'{}' is no URL of a server: {}", options.server, what));
    case CURLE_WRITE_ERROR:
      return absl::ResourceExhaustedError(
          fmt::format("{} answered with more than {}; ask for fewer records", options.server,
                      FormatBytes(kMaxReplyBytes)));
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return absl::UnavailableError(fmt::format(
          "no server at {} ({}); start one, or name another with --server or FLASHQ_SERVER",
          options.server, what));
    default:
      return absl::UnavailableError(fmt::format(
          "the connection to {} broke ({}); whether the server did what was asked is not known",
          options.server, what));
  }
}

struct ApiClient::Handles {
  CurlHandle easy;
};

ApiClient::ApiClient(ApiOptions options)
    : options_(std::move(options)), handles_(std::make_unique<Handles>()) {}
ApiClient::~ApiClient() = default;

StatusOr<ApiReply> ApiClient::Send(const ApiRequest& request) {
  CurlHandle& handle = handles_->easy;
  handle.Prepare(options_, request);
  ApiReply reply;
  SetOption(handle.get(), CURLOPT_WRITEFUNCTION, &AppendTo);
  SetOption(handle.get(), CURLOPT_WRITEDATA, static_cast<void*>(&reply.body));
  SetOption(handle.get(), CURLOPT_TIMEOUT_MS,
            static_cast<long>((options_.timeout + request.extra_time).count()));
  const CURLcode code = curl_easy_perform(handle.get());
  if (code != CURLE_OK) return TransportError(code, options_, handle.error());
  reply.status = handle.status();
  return reply;
}

StatusOr<Json> ApiClient::Call(const ApiRequest& request) {
  FLASHDB_ASSIGN_OR_RETURN(ApiReply reply, Send(request));
  if (reply.status < 200 || reply.status > 299) return RefusalOf(request, reply);
  if (reply.body.empty()) return Json();
  auto json = ParseJson(reply.body);
  if (json.ok()) return json;
  return absl::DataLossError(fmt::format("{} {}: {} is no JSON ({}); is {} a FlashDB server?",
                                         request.method, request.target, "the answer",
                                         MessageOf(json.status()), options_.server));
}

StatusOr<Json> ApiClient::Call(std::string method, std::string target, const Json& body) {
  return Call({.method = std::move(method), .target = std::move(target), .body = ToText(body)});
}

}  // namespace flashdb::cli
