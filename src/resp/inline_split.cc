#include "resp/inline_split.h"

#include <cstddef>

namespace flashdb {
namespace {

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// A vertical tab or form feed is skipped before an argument but doesn't end one: so it is in
/// Redis.
bool EndsWord(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

/// Reads `line` from left to right into the storage.
class QuoteReader {
 public:
  QuoteReader(std::string_view line, std::string& storage) : line_(line), storage_(storage) {}

  /// Reads one argument that starts at line[at]; `at` ends behind it. False: unbalanced quotes.
  bool ReadWord(size_t& at) {
    for (; at < line_.size() && !EndsWord(line_[at]); ++at) {
      const char c = line_[at];
      if (c == '"' || c == '\'') return ReadQuoted(c, ++at);
      storage_ += c;
    }
    return true;
  }

 private:
  bool ReadQuoted(char quote, size_t& at) {
    while (at < line_.size() && line_[at] != quote) {
      if (line_[at] == '\\' && at + 1 < line_.size() && (quote == '"' || line_[at + 1] == quote)) {
        ReadEscape(quote, at);
      } else {
        storage_ += line_[at++];
      }
    }
    if (at == line_.size()) return false;
    ++at;
    return at == line_.size() || IsBlank(line_[at]);
  }

  void ReadEscape(char quote, size_t& at) {
    const std::string_view rest = line_.substr(at + 1);
    if (quote == '"' && rest.size() >= 3 && rest[0] == 'x' && HexDigit(rest[1]) >= 0 &&
        HexDigit(rest[2]) >= 0) {
      storage_ += static_cast<char>(HexDigit(rest[1]) * 16 + HexDigit(rest[2]));
      at += 4;
    } else {
      storage_ += Unescape(rest[0]);
      at += 2;
    }
  }

  std::string_view line_;
  std::string& storage_;
};

}  // namespace

bool SplitInline(std::string_view line, std::string& storage, Args* args) {
  storage.clear();
  for (size_t at = 0;;) {
    while (at < line.size() && IsBlank(line[at])) ++at;
    if (at == line.size()) return true;
    const size_t start = at;
    while (at < line.size() && !EndsWord(line[at]) && line[at] != '"' && line[at] != '\'') ++at;
    if (at == line.size() || EndsWord(line[at])) {
      args->push_back(line.substr(start, at - start));
      continue;
    }
    // No argument is longer than what it was written as: with room for the line, nothing moves.
    storage.reserve(line.size());
    const size_t stored = storage.size();
    at = start;
    if (!QuoteReader(line, storage).ReadWord(at)) return false;
    args->push_back(std::string_view(storage).substr(stored));
  }
}

}  // namespace flashdb
