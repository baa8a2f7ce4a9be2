// Records that requests bring: JSON, lines of JSON, or one record's raw bytes.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "api/exchange.h"
#include "api/json_body.h"
#include "topics/topic_service.h"

namespace flashdb {

/// Records of one request; their views point into this object or into the request's body.
struct RecordBatch {
  std::vector<NewRecord> records;
  std::optional<ProducerStamp> stamp;

  // What the views point into.
  JsonBody body;
  std::string joined;               // lines as one JSON text
  std::deque<std::string> decoded;  // what had to be converted
};

/// Reads the request's body by its Content-Type into `batch`. On false the exchange has an error.
bool ReadRecords(HttpExchange& exchange, RecordBatch& batch);

}  // namespace flashdb
