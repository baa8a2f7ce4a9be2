// Requests from strangers over HTTP: what the parser finds does not depend on how the bytes were
// cut; bodies as JSON, and what is written as JSON is read again.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "api/json_body.h"
#include "api/route.h"
#include "base/base64.h"
#include "base/check.h"
#include "base/random.h"
#include "http/json_writer.h"
#include "http/request_parser.h"
#include "tests/fuzz/fuzz.h"

namespace flashdb {
namespace {

using Result = HttpRequestParser::Result;

struct Outcome {
  std::vector<std::string> requests;
  int error = 0;
  size_t rest = 0;
  bool operator==(const Outcome&) const = default;
};

std::string TextOf(const HttpRequest& request) {
  std::string text(NameOf(request.method));
  text.append(" ").append(request.path).append("?").append(request.query);
  for (const HttpHeader& header : request.headers) {
    text.append("|").append(header.name).append(":").append(header.value);
  }
  text.append("\n").append(request.body);
  text += request.keep_alive ? "k" : "c";
  return text;
}

// Feeds pieces of up to `longest` bytes, as a connection does.
Outcome Feed(std::string_view stream, const HttpLimits& limits, Random& random, uint64_t longest) {
  Outcome outcome;
  HttpRequestParser parser;
  std::string buffer;
  while (!stream.empty()) {
    const size_t size = std::min<size_t>(stream.size(), 1 + random.Below(longest));
    buffer += stream.substr(0, size);
    stream.remove_prefix(size);
    for (;;) {
      // Exactly as large as its contents: a read behind them would be found.
      auto copy = std::make_unique<char[]>(buffer.size());
      std::copy(buffer.begin(), buffer.end(), copy.get());
      size_t consumed = 0;
      const Result result =
          parser.Parse(std::string_view(copy.get(), buffer.size()), limits, &consumed);
      FLASHDB_CHECK(consumed <= buffer.size(), "more consumed than there was");
      if (result == Result::kRequest) outcome.requests.push_back(TextOf(parser.request()));
      buffer.erase(0, consumed);
      if (result == Result::kError) {
        outcome.error = parser.error().status;
        return outcome;
      }
      if (result == Result::kNeedMore) break;
    }
  }
  outcome.rest = buffer.size();
  return outcome;
}

void CheckRequests(std::string_view stream, const HttpLimits& limits, uint64_t seed) {
  Random random(seed);
  const Outcome whole = Feed(stream, limits, random, stream.size() + 1);
  const Outcome pieces = Feed(stream, limits, random, 1 + seed % 40);
  FLASHDB_CHECK(whole.requests == pieces.requests, "other requests when cut");
  FLASHDB_CHECK((whole.error == 0) == (pieces.error == 0), "error {} became {} when cut",
                whole.error, pieces.error);
}

void CheckPaths(std::string_view path) {
  const std::string absolute = "/" + std::string(path);
  for (HttpMethod method : {HttpMethod::kGet, HttpMethod::kPost, HttpMethod::kDelete}) {
    const RouteMatch match = FindRoute(method, absolute);
    FLASHDB_CHECK(match.route != nullptr || match.path_values.empty(), "values of no route");
  }
  if (const auto decoded = PercentDecode(path, true)) {
    FLASHDB_CHECK(decoded->size() <= path.size(), "decoded it grew");
  }
  (void)ParseQuery(path);
  (void)ParseTime(path);
}

void CheckJson(std::string_view bytes) {
  std::string padded(bytes);
  padded.append(HttpRequest::kBodyPadding, '\0');
  JsonBody body;
  StatusOr<simdjson::dom::element> root =
      body.Parse(std::string_view(padded).substr(0, bytes.size()));
  if (!root.ok()) return;
  std::string again = simdjson::minify(*root);
  const size_t size = again.size();
  again.append(HttpRequest::kBodyPadding, '\0');
  JsonBody second;
  FLASHDB_CHECK(second.Parse(std::string_view(again).substr(0, size)).ok(),
                "written it is no JSON");
}

void CheckText(std::string_view bytes) {
  std::string out;
  JsonWriter(out).BeginArray().Text(bytes).EndArray();
  const size_t size = out.size();
  out.append(HttpRequest::kBodyPadding, '\0');
  JsonBody body;
  StatusOr<simdjson::dom::element> root = body.Parse(std::string_view(out).substr(0, size));
  FLASHDB_CHECK(root.ok(), "a string that is no JSON");
  const std::string_view read = root->at(0).get_string().value();
  FLASHDB_CHECK(!IsUtf8(bytes) || read == bytes, "read it is another text");
  std::string encoded;
  AppendBase64(encoded, bytes);
  FLASHDB_CHECK(DecodeBase64(encoded) == bytes, "base64 lost something");
  (void)DecodeBase64(bytes);
}

}  // namespace
}  // namespace flashdb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  flashdb::fuzz::Bytes in(data, size);
  const uint8_t kind = in.Byte();
  const uint64_t seed = in.Number(2);
  flashdb::HttpLimits limits;
  if (kind % 4 == 3)
    limits = {.max_head_bytes = 40 + size_t{in.Byte()}, .max_body_bytes = in.Byte()};
  const std::string_view rest = in.Rest();
  flashdb::CheckRequests(rest, limits, seed);
  flashdb::CheckPaths(rest.substr(0, 300));
  flashdb::CheckJson(rest);
  flashdb::CheckText(rest);
  return 0;
}
