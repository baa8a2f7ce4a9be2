// Builds replies in RESP2 or RESP3 (the Redis protocol specification,
// redis.io/docs/reference/protocol-spec).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flashdb {

/// Appends encoded replies to a buffer. Types that RESP2 lacks are written as what Redis sends
/// instead, so a handler says what it means and need not know the client's protocol. Array(n) and
/// its like write a header only: the n elements must follow. Cheap to make; not thread-safe.
class ReplyWriter {
 public:
  /// `out` must outlive the writer. `protocol` is 2 or 3.
  ReplyWriter(std::string& out, int protocol) : out_(out), resp3_(protocol == 3) {}

  bool resp3() const { return resp3_; }
  std::string& out() { return out_; }

  /// About `bytes` will follow.
  void Reserve(size_t bytes) { out_.reserve(out_.size() + bytes); }

  void Ok() { out_.append("+OK\r\n", 5); }
  /// Line ends in the text become spaces, here and in Error.
  void Simple(std::string_view text) { Line('+', text); }
  /// `line` starts with its code: "ERR syntax error".
  void Error(std::string_view line) { Line('-', line); }

  void Integer(int64_t value);
  void Bulk(std::string_view bytes) { Sized('$', bytes); }
  /// The integer's decimal digits as a bulk string.
  void BulkInteger(int64_t value);
  /// The absent value: `_`, in RESP2 the null bulk string.
  void Null();
  /// An absent array: `_`, in RESP2 the null array.
  void NullArray();

  void EmptyArray() { out_.append("*0\r\n", 4); }
  void Array(size_t elements) { Header('*', elements); }
  /// `pairs` keys, each followed by its value. RESP2: an array of twice as many elements.
  void Map(size_t pairs) { resp3_ ? Header('%', pairs) : Header('*', pairs * 2); }
  /// RESP2: an array.
  void Set(size_t elements) { Header(resp3_ ? '~' : '*', elements); }
  void Push(size_t elements) { Header(resp3_ ? '>' : '*', elements); }

  /// FormatDouble's text. RESP2: a bulk string.
  void Double(double value);
  /// RESP2: the integer 1 or 0.
  void Bool(bool value);
  /// `digits` is a decimal integer of any length. RESP2: a bulk string.
  void BigNumber(std::string_view digits);
  /// `format` has three bytes: "txt" or "mkd". RESP2: a bulk string of `text` alone.
  void Verbatim(std::string_view format, std::string_view text);

 private:
  void Header(char type, uint64_t count);
  void Sized(char type, std::string_view bytes);
  void Line(char type, std::string_view text);

  std::string& out_;
  bool resp3_;
};

}  // namespace flashdb
