#include "topics/types.h"

namespace flashdb {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

bool IsValidTopicName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || name.front() == '-') return false;
  if (name == "." || name == "..") return false;
  for (char c : name) {
    if (!IsNameCharacter(c)) return false;
  }
  return true;
}

}  // namespace flashdb
