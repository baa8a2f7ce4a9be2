// Parses client requests: RESP arrays of bulk strings, and inline commands. The language is the
// one in the Redis protocol specification (redis.io/docs/reference/protocol-spec); its corner
// cases, limits and error texts are those of Redis 7.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "resp/args.h"

namespace flashdb {

/// What one client may send.
struct RequestLimits {
  uint64_t max_bulk_bytes = uint64_t{512} << 20;
  uint32_t max_args = 1024 * 1024;
  /// Longest inline command, and longest count line of a RESP request, without its line end; at
  /// least 32, which any count fits.
  uint32_t max_inline_bytes = 64 * 1024;
  /// False for a client that must AUTH first: it gets at most kStrangerArgs arguments of
  /// kStrangerBulkBytes bytes.
  bool authenticated = true;

  static constexpr uint32_t kStrangerArgs = 10;
  static constexpr uint64_t kStrangerBulkBytes = 16384;
  static RequestLimits Unauthenticated() { return {.authenticated = false}; }
};

enum class ParseResult { kNeedMore, kCommand, kError };

/// Finds one command after the other in a connection's input, in place: arguments are views into
/// the caller's buffer. A command that arrives in pieces is parsed piece by piece: its first piece
/// is looked at twice, no other byte again however small the pieces are, and the buffer may move
/// between calls. The result does not depend on how the bytes were cut. Memory grows with bytes
/// received, never with a count that a client merely announces. For one connection; not
/// thread-safe.
class RequestParser {
 public:
  /// `input` holds everything received from the current command's first byte on: after kNeedMore
  /// the same bytes again (less `*consumed`), with more behind them. `*consumed` is set in every
  /// case, to the number of bytes at the front of `input` that the caller must drop:
  ///   kCommand   `*args` (never empty) is one command, valid until `input`'s bytes change or
  ///              Parse is called again. `*consumed` covers it; next comes another command.
  ///   kNeedMore  the command is not whole. `*args` is empty. `*consumed` covers only empty
  ///              commands (blank lines, `*0`, `*-1`), which are skipped without a word.
  ///   kError     the client broke the protocol; error() says how. Send it and close: the parser
  ///              gives the same answer until Reset().
  /// `limits` may differ from call to call.
  ParseResult Parse(std::string_view input, const RequestLimits& limits, Args* args,
                    size_t* consumed);

  /// After kError: Redis's text without its leading code, "Protocol error: ...". It may quote any
  /// byte the client sent, a line end too.
  const std::string& error() const { return error_; }

  /// After kNeedMore: at least this many more bytes are needed. More than 1 only inside a bulk
  /// string, whose announced size is a client's word: size a buffer by it, but in steps.
  size_t bytes_wanted() const { return bytes_wanted_; }

  /// Forgets a half-read command or an error.
  void Reset();

 private:
  enum class Header { kRead, kPartial, kTooLong, kMalformed };
  struct Span {
    size_t offset;
    size_t size;
  };
  static constexpr int64_t kNoBulk = -1;

  bool ParsePlain(std::string_view input, const RequestLimits& limits, Args* args,
                  size_t* consumed);
  ParseResult ParseMultibulk(std::string_view input, const RequestLimits& limits, Args* args);
  ParseResult ReadArgCount(std::string_view input, const RequestLimits& limits);
  ParseResult ReadBulks(std::string_view input, const RequestLimits& limits, Args* args);
  ParseResult ReadUnusualBulkSize(std::string_view input, const RequestLimits& limits, size_t& at,
                                  int64_t& size);
  Header ReadAnyHeader(std::string_view input, uint32_t max_line, size_t& at, int64_t& value);
  size_t FindInLine(std::string_view input, size_t start, uint32_t max_line, char c);
  ParseResult ParseInline(std::string_view input, const RequestLimits& limits, Args* args);
  ParseResult NeedMore(size_t bytes);
  ParseResult Fail(std::string_view what);
  void SaveArgs(const char* base, Args* args);
  void RestoreArgs(const char* base, Args* args);
  void StartCommand();

  // Offsets count from the current command's first byte, so they survive a moved buffer.
  size_t position_ = 0;  ///< First byte not parsed yet.
  size_t searched_ = 0;  ///< The unfinished line has no line end before this.
  uint32_t args_left_ = 0;
  int64_t bulk_size_ = kNoBulk;  ///< Size of the bulk string at position_, if it is announced.
  std::vector<Span> spans_;      ///< Arguments found by earlier calls.
  size_t bytes_wanted_ = 1;
  std::string unquoted_;  ///< Bytes of quoted inline arguments.
  std::string error_;
};

}  // namespace flashdb
