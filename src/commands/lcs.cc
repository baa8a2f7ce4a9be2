#include "commands/lcs.h"

#include <algorithm>
#include <new>

namespace flashdb {

bool LcsTable::Build() {
  const size_t width = b_.size() + 1;
  cells_.reset(new (std::nothrow) uint32_t[(a_.size() + 1) * width]);
  if (cells_ == nullptr) return false;
  std::fill_n(cells_.get(), width, 0);
  for (size_t i = 1; i <= a_.size(); ++i) {
    const uint32_t* above = &At(i - 1, 0);
    uint32_t* row = &At(i, 0);
    row[0] = 0;
    for (size_t j = 1; j < width; ++j) {
      row[j] = a_[i - 1] == b_[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
    }
  }
  return true;
}

std::vector<LcsMatch> LcsTable::Matches() const {
  std::vector<LcsMatch> matches;
  bool open = false;  // the last match may still grow towards the front
  auto i = static_cast<uint32_t>(a_.size());
  auto j = static_cast<uint32_t>(b_.size());
  while (i > 0 && j > 0) {
    if (a_[i - 1] == b_[j - 1]) {
      --i;
      --j;
      if (!open) matches.push_back({.a_first = i, .a_last = i, .b_first = j, .b_last = j});
      matches.back().a_first = i;
      matches.back().b_first = j;
      open = true;
    } else {
      At(i - 1, j) > At(i, j - 1) ? --i : --j;
      open = false;
    }
  }
  return matches;
}

std::string LcsTable::Text(const std::vector<LcsMatch>& matches) const {
  std::string text;
  text.reserve(length());
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
    text.append(a_.substr(match->a_first, match->size()));
  }
  return text;
}

}  // namespace flashdb
