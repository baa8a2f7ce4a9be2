// What the routes that read records share.
#pragma once

#include "api/exchange.h"
#include "api/route.h"
#include "topics/topic_service.h"

namespace flashdb {

/// Parameters of every route that reads records.
std::vector<QuerySpec> FetchParameters();
/// The query's parameters as a FetchQuery of `topic`. InvalidArgument if two contradict. The
/// fetch ends early when the client goes away.
StatusOr<FetchQuery> ReadFetchQuery(HttpExchange& exchange, const std::string& topic);
/// Writes the members "records", "next_offset", "high_watermark" and "partitions" inside an object.
void WriteFetched(JsonWriter& json, const std::vector<FetchedPart>& parts, bool with_headers);

/// GET with follow=true: a stream of records without an end.
Task<void> FollowRecords(HttpExchange& exchange);

}  // namespace flashdb
