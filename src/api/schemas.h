// The texts of /openapi.json and /docs that are not in the table of routes.
#pragma once

#include <string_view>

namespace flashdb {

/// JSON: an object of the JSON schemas (2020-12) that routes name.
std::string_view ComponentSchemas();
/// HTML that loads /openapi.json and shows it, with nothing from elsewhere.
std::string_view DocsPage();

}  // namespace flashdb
