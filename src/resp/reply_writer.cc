#include "resp/reply_writer.h"

#include <cstring>

#include "base/check.h"
#include "base/numbers.h"

namespace flashdb {
namespace {

/// Type byte, integer, line end.
constexpr size_t kMaxHeader = 1 + kMaxIntegerChars + 2;

/// Bulk strings up to this size are put together on the stack and appended in one go.
constexpr size_t kSmallBulk = 128;

char* PutLineEnd(char* to) {
  to[0] = '\r';
  to[1] = '\n';
  return to + 2;
}

char* PutHeader(char* to, char type, uint64_t count) {
  *to++ = type;
  if (count < 10) {
    *to++ = static_cast<char>('0' + count);
  } else {
    to += FormatUint64(count, to);
  }
  return PutLineEnd(to);
}

}  // namespace

void ReplyWriter::Header(char type, uint64_t count) {
  char text[kMaxHeader];
  out_.append(text, static_cast<size_t>(PutHeader(text, type, count) - text));
}

void ReplyWriter::Sized(char type, std::string_view bytes) {
  char text[kMaxHeader + kSmallBulk + 2];
  char* end = PutHeader(text, type, bytes.size());
  if (bytes.size() <= kSmallBulk) {
    if (!bytes.empty()) std::memcpy(end, bytes.data(), bytes.size());
    end = PutLineEnd(end + bytes.size());
    out_.append(text, static_cast<size_t>(end - text));
    return;
  }
  out_.append(text, static_cast<size_t>(end - text));
  out_.append(bytes);
  out_.append("\r\n", 2);
}

void ReplyWriter::Line(char type, std::string_view text) {
  out_ += type;
  const size_t start = out_.size();
  out_.append(text);
  for (size_t i = start; i < out_.size(); ++i) {
    if (out_[i] == '\r' || out_[i] == '\n') out_[i] = ' ';
  }
  out_.append("\r\n", 2);
}

void ReplyWriter::Integer(int64_t value) {
  char text[kMaxHeader];
  text[0] = ':';
  char* end = PutLineEnd(text + 1 + FormatInt64(value, text + 1));
  out_.append(text, static_cast<size_t>(end - text));
}

void ReplyWriter::BulkInteger(int64_t value) {
  char digits[kMaxIntegerChars];
  Sized('$', std::string_view(digits, FormatInt64(value, digits)));
}

void ReplyWriter::Null() {
  if (resp3_) {
    out_.append("_\r\n", 3);
  } else {
    out_.append("$-1\r\n", 5);
  }
}

void ReplyWriter::NullArray() {
  if (resp3_) {
    out_.append("_\r\n", 3);
  } else {
    out_.append("*-1\r\n", 5);
  }
}

void ReplyWriter::Double(double value) {
  const std::string text = FormatDouble(value);
  resp3_ ? Line(',', text) : Sized('$', text);
}

void ReplyWriter::Bool(bool value) {
  if (resp3_) {
    out_.append(value ? "#t\r\n" : "#f\r\n", 4);
  } else {
    out_.append(value ? ":1\r\n" : ":0\r\n", 4);
  }
}

void ReplyWriter::BigNumber(std::string_view digits) {
  resp3_ ? Line('(', digits) : Sized('$', digits);
}

void ReplyWriter::Verbatim(std::string_view format, std::string_view text) {
  FLASHDB_CHECK(format.size() == 3, "a verbatim string's format has 3 bytes, not '{}'", format);
  if (!resp3_) return Sized('$', text);
  Header('=', text.size() + 4);
  out_.append(format);
  out_ += ':';
  out_.append(text);
  out_.append("\r\n", 2);
}

}  // namespace flashdb
