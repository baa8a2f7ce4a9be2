// The server's /openapi.json, and whether responses are what it promises.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace flashdb::e2e {

struct HttpReply;

class ApiDocument {
 public:
  explicit ApiDocument(nlohmann::json document) : document_(std::move(document)) {}

  /// That of this build's server, asked for once. `port`: where one serves HTTP; it may need a
  /// password only after this was called first.
  static const ApiDocument& Of(uint16_t port);

  /// What is wrong with the response; empty if nothing is. `target`: path and query.
  std::string Check(std::string_view method, std::string_view target, const HttpReply& reply) const;
  const nlohmann::json& document() const { return document_; }

 private:
  const nlohmann::json* FindOperation(std::string_view method, std::string_view path) const;
  std::string CheckSchema(const nlohmann::json& schema, const nlohmann::json& value) const;

  nlohmann::json document_;
};

}  // namespace flashdb::e2e
