// JSON that a request brings.
#pragma once

#include <simdjson.h>

#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "http/request.h"

namespace flashdb {

/// Parses one JSON text at a time; what it found is valid until the next, or the object's end.
/// Borrows a parser of the running shard: its memory is warm and has the right size already.
class JsonBody {
 public:
  JsonBody();
  ~JsonBody();
  JsonBody(const JsonBody&) = delete;
  JsonBody& operator=(const JsonBody&) = delete;

  /// At least HttpRequest::kBodyPadding readable bytes must follow `json`. InvalidArgument, for the
  /// client, if it is no JSON.
  StatusOr<simdjson::dom::element> Parse(std::string_view json);

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;
};

}  // namespace flashdb
