// Requests from strangers: what the parser finds does not depend on how the bytes were cut, and
// what it finds, written again, is found again. The same bytes as an inline command and as replies.
#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "resp/inline_split.h"
#include "resp/reply_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/resp/parser_testing.h"

namespace flashdb {
namespace {

// Pieces of up to `longest` bytes.
std::vector<std::string> Cut(std::string_view stream, Random& random, uint64_t longest) {
  std::vector<std::string> pieces;
  while (!stream.empty()) {
    const size_t size = std::min<size_t>(stream.size(), 1 + random.Below(longest));
    pieces.emplace_back(stream.substr(0, size));
    stream.remove_prefix(size);
  }
  return pieces;
}

std::string EncodeAll(const std::vector<Command>& commands) {
  std::string out;
  for (const Command& command : commands) out += Encode(command);
  return out;
}

void CheckRequests(std::string_view stream, const RequestLimits& limits, uint64_t seed) {
  Random random(seed);
  const Outcome whole = Feed({std::string(stream)}, limits);
  const Outcome pieces = Feed(Cut(stream, random, 1 + seed % 40), limits);
  FLASHDB_CHECK(whole.commands == pieces.commands, "other commands when cut");
  FLASHDB_CHECK(whole.error == pieces.error, "'{}' became '{}' when cut", whole.error,
                pieces.error);
  FLASHDB_CHECK(!whole.error.empty() || whole.rest == pieces.rest, "another rest when cut");
  const Outcome again = Feed({EncodeAll(whole.commands)});
  FLASHDB_CHECK(again.error.empty() && again.rest.empty() && again.commands == whole.commands,
                "written again it reads otherwise");
}

void CheckInline(std::string_view line) {
  ExactCopy copy(line);
  std::string storage;
  Args args;
  if (!SplitInline(copy.view(), storage, &args)) return;
  size_t bytes = 0;
  for (std::string_view arg : args) bytes += arg.size();
  FLASHDB_CHECK(bytes <= line.size(), "the arguments are longer than the line");
}

void CheckReplies(std::string_view bytes, uint64_t seed) {
  ExactCopy copy(bytes);
  std::string_view rest = copy.view();
  while (!rest.empty()) {
    std::string_view before = rest;
    if (!SkipReply(rest)) {
      FLASHDB_CHECK(rest == before, "moved without a reply");
      break;
    }
    FLASHDB_CHECK(rest.size() < before.size(), "a reply of no bytes");
    // No reply begins another: else a reader could not tell where it ends.
    std::string_view reply = before.substr(0, before.size() - rest.size());
    std::string_view part = reply.substr(0, seed % reply.size());
    FLASHDB_CHECK(!SkipReply(part), "a part of a reply is a whole one");
  }
  std::optional<size_t> count = CountReplies(copy.view());
  FLASHDB_CHECK(count.has_value() == rest.empty(), "the count and the reader differ");
}

}  // namespace
}  // namespace flashdb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  flashdb::fuzz::Bytes in(data, size);
  const uint8_t kind = in.Byte();
  const uint64_t seed = in.Number(2);
  flashdb::RequestLimits limits;
  if (kind % 4 == 1) limits = flashdb::RequestLimits::Unauthenticated();
  if (kind % 4 == 2) {
    limits.max_bulk_bytes = 1 + in.Byte();
    limits.max_args = 1 + in.Byte();
    limits.max_inline_bytes = 32 + in.Byte();  // any header of a usual size fits
  }
  const std::string_view stream = in.Rest();
  flashdb::CheckRequests(stream, limits, seed);
  flashdb::CheckInline(stream);
  flashdb::CheckReplies(stream, seed);
  return 0;
}
