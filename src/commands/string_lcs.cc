// LCS behind its keys: options, limits and reply.
#include <utility>
#include <vector>

#include "base/numbers.h"
#include "commands/lcs.h"
#include "commands/string_transactions.h"

namespace flashdb::strings {
namespace {

struct LcsOptions {
  bool length = false;
  bool positions = false;
  bool with_match_length = false;
  int64_t min_match_length = 0;
};

// False after an error reply.
bool ParseLcsOptions(ArgView args, ReplyWriter& reply, LcsOptions& options) {
  std::string_view error;
  for (size_t i = 3; i < args.size() && error.empty(); ++i) {
    if (EqualsIgnoreCase(args[i], "IDX")) {
      options.positions = true;
    } else if (EqualsIgnoreCase(args[i], "LEN")) {
      options.length = true;
    } else if (EqualsIgnoreCase(args[i], "WITHMATCHLEN")) {
      options.with_match_length = true;
    } else if (EqualsIgnoreCase(args[i], "MINMATCHLEN") && i + 1 < args.size()) {
      std::optional<int64_t> length = ParseInt64(args[++i]);
      if (!length) error = kNotInteger;
      options.min_match_length = length.value_or(0);
    } else {
      error = kSyntaxError;
    }
  }
  if (error.empty() && options.length && options.positions) {
    error = "ERR If you want both the length and indexes, please just use IDX.";
  }
  if (!error.empty()) reply.Error(error);
  return error.empty();
}

void ReplyRange(ReplyWriter& reply, uint32_t first, uint32_t last) {
  reply.Array(2);
  reply.Integer(first);
  reply.Integer(last);
}

void ReplyPositions(ReplyWriter& reply, std::vector<LcsMatch> matches, uint32_t length,
                    const LcsOptions& options) {
  std::erase_if(matches, [&](const LcsMatch& match) {
    return int64_t{match.size()} < options.min_match_length;
  });
  reply.Map(2);
  reply.Bulk("matches");
  reply.Array(matches.size());
  for (const LcsMatch& match : matches) {
    reply.Array(options.with_match_length ? 3 : 2);
    ReplyRange(reply, match.a_first, match.a_last);
    ReplyRange(reply, match.b_first, match.b_last);
    if (options.with_match_length) reply.Integer(match.size());
  }
  reply.Bulk("len");
  reply.Integer(length);
}

void ReplyTable(const LcsTable& table, const LcsOptions& options, ReplyWriter& reply) {
  if (options.length) return reply.Integer(table.length());
  std::vector<LcsMatch> matches = table.Matches();
  if (!options.positions) return reply.Bulk(table.Text(matches));
  ReplyPositions(reply, std::move(matches), table.length(), options);
}

}  // namespace

void ReplyLcs(ArgView args, std::string_view a, std::string_view b, uint64_t max_bytes,
              ReplyWriter& reply) {
  LcsOptions options;
  if (!ParseLcsOptions(args, reply, options)) return;
  constexpr size_t kTooLongForLcs = UINT32_MAX - 1;
  if (a.size() >= kTooLongForLcs || b.size() >= kTooLongForLcs) {
    return reply.Error("ERR String too long for LCS");
  }
  if (LcsTable::BytesFor(a.size(), b.size()) > max_bytes) {
    return reply.Error(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  LcsTable table(a, b);
  if (!table.Build()) {
    return reply.Error("ERR Insufficient memory, failed allocating transient memory for LCS");
  }
  ReplyTable(table, options, reply);
}

}  // namespace flashdb::strings
