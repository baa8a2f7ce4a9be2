// The description of all routes for machines.
#pragma once

#include "http/json_writer.h"

namespace flashdb {

/// Writes the OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.0) of AllRoutes().
void WriteDocument(JsonWriter& json);

}  // namespace flashdb
