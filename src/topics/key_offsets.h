// Where the last record of each key is: what compaction decides by. Keys are told apart by a wide
// hash.
//
// Used by one thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <limits>
#include <string_view>

#include "base/hash.h"
#include "topics/types.h"

namespace flashdb {

/// How many keys the compactions that share it may still take; about 30 bytes each.
struct KeyBudget {
  size_t left = std::numeric_limits<size_t>::max();
};

class KeyOffsets {
 public:
  /// `budget` must outlive it, and gets its keys back in the end.
  explicit KeyOffsets(KeyBudget& budget) : budget_(budget) {}
  KeyOffsets(const KeyOffsets&) = delete;
  KeyOffsets& operator=(const KeyOffsets&) = delete;
  ~KeyOffsets() {
    for (const Part& part : parts_) budget_.left += part.size();
  }

  /// The key's last record so far is at `offset`. False if the key is new and the budget is used
  /// up: nothing has changed then.
  bool Put(std::string_view key, Offset offset) {
    const WideHash hash = WideHashOf(key);
    Part& part = PartOf(hash);
    auto known = part.find(hash);
    if (known != part.end()) {
      known->second = offset;
      return true;
    }
    if (budget_.left == 0) return false;
    --budget_.left;
    part.emplace(hash, offset);
    return true;
  }

  /// Whether a later record than that at `offset` has the key.
  bool Supersedes(std::string_view key, Offset offset) const {
    const WideHash hash = WideHashOf(key);
    const Part& part = parts_[hash.high % parts_.size()];
    auto known = part.find(hash);
    return known != part.end() && known->second > offset;
  }

 private:
  using Part = absl::flat_hash_map<WideHash, Offset>;
  Part& PartOf(const WideHash& hash) { return parts_[hash.high % parts_.size()]; }

  KeyBudget& budget_;
  // Parts grow one at a time: the event loop never waits for all of a large table to be moved.
  std::array<Part, 256> parts_;
};

}  // namespace flashdb
