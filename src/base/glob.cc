#include "base/glob.h"

#include <cstddef>
#include <utility>

#include "base/numbers.h"

namespace flashdb {
namespace {

char Fold(char c, bool nocase) { return nocase ? ToLower(c) : c; }

bool InRange(char first, char last, char c, bool nocase) {
  auto low = static_cast<signed char>(first);
  auto high = static_cast<signed char>(last);
  if (low > high) std::swap(low, high);
  auto value = static_cast<signed char>(Fold(c, nocase));
  return value >= static_cast<signed char>(Fold(static_cast<char>(low), nocase)) &&
         value <= static_cast<signed char>(Fold(static_cast<char>(high), nocase));
}

/// Matches `c` with the bracket expression whose first byte after `[` is pattern[at], and moves
/// `at` behind the expression.
bool MatchBrackets(std::string_view pattern, size_t& at, char c, bool nocase) {
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size()) {
    const size_t left = pattern.size() - at;
    if (pattern[at] == '\\' && left >= 2) {
      found |= pattern[at + 1] == c;
      at += 2;
    } else if (pattern[at] == ']') {
      ++at;
      break;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      found |= InRange(pattern[at], pattern[at + 2], c, nocase);
      at += 3;
    } else {
      found |= Fold(pattern[at], nocase) == Fold(c, nocase);
      ++at;
    }
  }
  return found != negated;
}

/// Matches `c` with the one element (not a star) at pattern[at], and moves `at` behind it.
bool MatchOne(std::string_view pattern, size_t& at, char c, bool nocase) {
  char element = pattern[at++];
  if (element == '?') return true;
  if (element == '[') return MatchBrackets(pattern, at, c, nocase);
  if (element == '\\' && at < pattern.size()) element = pattern[at++];
  return Fold(element, nocase) == Fold(c, nocase);
}

}  // namespace

bool GlobMatch(std::string_view pattern, std::string_view text, bool nocase) {
  constexpr size_t kNone = std::string_view::npos;
  size_t at = 0;
  size_t position = 0;
  // Only the last star seen can need another length: whatever an earlier one could swallow
  // besides, the later one can swallow as well.
  size_t after_star = kNone;
  size_t star_end = 0;
  while (position < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      star_end = position;
      if (at == pattern.size()) return true;
    } else if (at < pattern.size() && MatchOne(pattern, at, text[position], nocase)) {
      ++position;
    } else if (after_star != kNone) {
      at = after_star;
      position = ++star_end;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace flashdb
