// Requests from strangers: what the parser finds does not depend on how the bytes were cut, and
// what it finds, written again, is found again. The same bytes as an inline command and as replies.
#include <cstring>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "resp/inline_split.h"
#include "resp/reply_reader.h"
#include "resp/request_parser.h"
#include "tests/fuzz/fuzz.h"

namespace flashdb {
namespace {

using Words = std::vector<std::string>;

struct Outcome {
  std::vector<Words> commands;
  std::string error;
  std::string rest;

  bool operator==(const Outcome&) const = default;
};

// Of its exact size, so that a read past the end is one past an allocation.
struct ExactCopy {
  explicit ExactCopy(std::string_view from) : bytes(new char[from.size()]), size(from.size()) {
    if (size > 0) std::memcpy(bytes.get(), from.data(), size);
  }
  std::string_view view() const { return {bytes.get(), size}; }
  std::unique_ptr<char[]> bytes;
  size_t size;
};

// Takes all commands that are whole off the front of `received`; false after an error.
bool ParseAll(RequestParser& parser, const RequestLimits& limits, std::string& received,
              Outcome& outcome) {
  Args args;
  for (;;) {
    ExactCopy buffer(received);
    size_t consumed = 0;
    ParseResult result = parser.Parse(buffer.view(), limits, &args, &consumed);
    FLASHDB_CHECK(consumed <= received.size(), "consumed more than there is");
    FLASHDB_CHECK(args.empty() == (result != ParseResult::kCommand), "arguments without command");
    FLASHDB_CHECK(args.size() <= received.size(), "more arguments than bytes");
    if (result == ParseResult::kCommand) outcome.commands.emplace_back(args.begin(), args.end());
    received.erase(0, consumed);
    if (result == ParseResult::kError) {
      outcome.error = parser.error();
      FLASHDB_CHECK(!outcome.error.empty(), "an error says nothing");
      return false;
    }
    if (result == ParseResult::kNeedMore) {
      FLASHDB_CHECK(parser.bytes_wanted() > 0, "wants more, but nothing");
      return true;
    }
  }
}

Outcome FeedWhole(std::string_view stream, const RequestLimits& limits) {
  RequestParser parser;
  Outcome outcome;
  outcome.rest = stream;
  ParseAll(parser, limits, outcome.rest, outcome);
  return outcome;
}

// In pieces of up to `longest` bytes.
Outcome FeedPieces(std::string_view stream, const RequestLimits& limits, Random& random,
                   uint64_t longest) {
  RequestParser parser;
  Outcome outcome;
  while (!stream.empty()) {
    size_t size = std::min<size_t>(stream.size(), 1 + random.Below(longest));
    outcome.rest += stream.substr(0, size);
    stream.remove_prefix(size);
    if (!ParseAll(parser, limits, outcome.rest, outcome)) {
      outcome.rest += stream;
      return outcome;
    }
  }
  return outcome;
}

std::string Encode(const std::vector<Words>& commands) {
  std::string out;
  for (const Words& words : commands) {
    out += fmt::format("*{}\r\n", words.size());
    for (const std::string& word : words) out += fmt::format("${}\r\n{}\r\n", word.size(), word);
  }
  return out;
}

void CheckRequests(std::string_view stream, const RequestLimits& limits, uint64_t seed) {
  Random random(seed);
  const Outcome whole = FeedWhole(stream, limits);
  const Outcome pieces = FeedPieces(stream, limits, random, 1 + seed % 40);
  FLASHDB_CHECK(whole.commands == pieces.commands, "other commands when cut");
  FLASHDB_CHECK(whole.error == pieces.error, "'{}' became '{}' when cut", whole.error,
                pieces.error);
  FLASHDB_CHECK(!whole.error.empty() || whole.rest == pieces.rest, "another rest when cut");
  const Outcome again = FeedWhole(Encode(whole.commands), RequestLimits{});
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
