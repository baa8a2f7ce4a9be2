#include "http/response.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "base/numbers.h"
#include "http/json_writer.h"

namespace flashdb {
namespace {

// Room for the digits of a Content-Length, which is known only when the body is there. Spaces that
// are left over stand at the header's end, where the grammar allows them.
constexpr std::string_view kLengthRoom = "            ";
// Of a body up to this size the spaces are taken out.
constexpr size_t kCheapToMove = 4096;

struct Reason {
  int status;
  std::string_view text;
};
// RFC 9110, 15; RFC 6585; RFC 4918 (507).
constexpr Reason kReasons[] = {
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

std::string_view ReasonOf(int status) {
  const auto* found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                   [status](const Reason& row) { return row.status == status; });
  return found == std::end(kReasons) ? std::string_view("Unknown") : found->text;
}

void HttpResponse::Reset(const Manner& manner) {
  manner_ = manner;
  extra_.clear();
  text_.clear();
  status_ = 0;
  streaming_ = false;
}

void HttpResponse::AddHeader(std::string_view name, std::string_view value) {
  extra_.append(name).append(": ").append(value).append("\r\n");
}

void HttpResponse::AppendHead(int status, std::string_view type) {
  status_ = status;
  text_.assign("HTTP/1.1 ");
  AppendInt64(text_, status);
  text_.append(" ").append(ReasonOf(status)).append("\r\n");
  if (!type.empty()) text_.append("Content-Type: ").append(type).append("\r\n");
  if (!manner_.keep_alive) {
    text_.append("Connection: close\r\n");
  } else if (!manner_.http11) {
    text_.append("Connection: keep-alive\r\n");
  }
  text_.append(extra_);
}

std::string& HttpResponse::Begin(int status, std::string_view type) {
  streaming_ = false;
  AppendHead(status, type);
  length_at_ = 0;
  if (HasBody(status)) {
    text_.append("Content-Length: ");
    length_at_ = text_.size();
    text_.append(kLengthRoom).append("\r\n");
  }
  text_.append("\r\n");
  body_at_ = text_.size();
  return text_;
}

void HttpResponse::BeginStream(int status, std::string_view type) {
  if (!manner_.http11) manner_.keep_alive = false;
  AppendHead(status, type);
  streaming_ = true;
  if (manner_.http11) text_.append("Transfer-Encoding: chunked\r\n");
  text_.append("\r\n");
  body_at_ = text_.size();
}

void HttpResponse::Finish() {
  FLASHDB_CHECK(begun() && !streaming_, "no response to finish");
  if (length_at_ == 0) {
    text_.resize(body_at_);
    return;
  }
  const size_t digits = FormatUint64(body_bytes(), text_.data() + length_at_);
  FLASHDB_CHECK(digits <= kLengthRoom.size());
  if (manner_.head_only) text_.resize(body_at_);
  if (body_bytes() > kCheapToMove) return;
  text_.erase(length_at_ + digits, kLengthRoom.size() - digits);
  body_at_ -= kLengthRoom.size() - digits;
}

void HttpResponse::AppendChunk(std::string& out, std::string_view bytes) const {
  if (bytes.empty() || manner_.head_only) return;  // an empty chunk would be the last
  if (!manner_.http11) {
    out.append(bytes);
    return;
  }
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", bytes.size());
  out.append(bytes).append("\r\n");
}

void HttpResponse::AppendLastChunk(std::string& out) const {
  if (manner_.http11 && !manner_.head_only) out.append("0\r\n\r\n");
}

std::string JsonError(std::string_view code, std::string_view message, std::string_view details) {
  std::string out;
  JsonWriter json(out);
  json.BeginObject();
  json.Key("error").String(code);
  json.Key("message").Text(message);
  json.Key("details").Raw(details.empty() ? "{}" : details);
  json.EndObject();
  return out;
}

}  // namespace flashdb
