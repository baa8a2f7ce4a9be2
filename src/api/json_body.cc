#include "api/json_body.h"

namespace flashdb {
namespace {

constexpr size_t kMaxDepth = 64;
// Parsers that have grown to texts larger than this are not kept: they take ten times as much.
constexpr size_t kKeepCapacity = size_t{1} << 20;
constexpr size_t kKeepParsers = 16;

using Parsers = std::vector<std::unique_ptr<simdjson::dom::parser>>;

Parsers& IdleParsers() {
  static thread_local Parsers parsers;
  return parsers;
}

}  // namespace

static_assert(HttpRequest::kBodyPadding >= simdjson::SIMDJSON_PADDING);

JsonBody::JsonBody() {
  Parsers& idle = IdleParsers();
  if (idle.empty()) {
    parser_ = std::make_unique<simdjson::dom::parser>();
  } else {
    parser_ = std::move(idle.back());
    idle.pop_back();
  }
}

JsonBody::~JsonBody() {
  Parsers& idle = IdleParsers();
  if (parser_->capacity() > kKeepCapacity || idle.size() >= kKeepParsers) return;
  idle.push_back(std::move(parser_));
}

StatusOr<simdjson::dom::element> JsonBody::Parse(std::string_view json) {
  if (parser_->capacity() < json.size() || parser_->max_depth() != kMaxDepth) {
    if (parser_->allocate(json.size(), kMaxDepth) != simdjson::SUCCESS) {
      return absl::ResourceExhaustedError("no memory to parse the body");
    }
  }
  simdjson::dom::element root;
  const auto error =
      parser_->parse(json.data(), json.size(), /*realloc_if_needed=*/false).get(root);
  if (error != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(
        fmt::format("the body is not JSON: {}", simdjson::error_message(error)));
  }
  return root;
}

}  // namespace flashdb
