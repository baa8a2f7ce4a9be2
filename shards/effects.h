// Effects: what a command did to the keyspace, as it is written to the log. They are results, not
// requests (absolute times, final values), so that replay needs neither clock nor randomness.
//
// One log record holds the effects of one command (or of one MULTI/EXEC on this shard). Each is
//   u8 op | u8 database | key (varint length, bytes; absent for kFlush, kSwap, topics) | operands
#pragma once

#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/types.h"

namespace flashdb {

/// Stored in the log: never change a number. Each family takes a range of its own.
enum class EffectOp : uint8_t {
  // Any key.
  kDelete = 1,    // -
  kExpireAt = 2,  // signed Unix milliseconds, 0 = never
  kRestore = 3,   // u8 ValueType, signed expiry, image: replaces the key
  // These two name the shard's slots, so that a log can be replayed into another shard count.
  kFlush = 4,  // no key: varint first slot, varint end slot; empties the database there
  kSwap = 5,   // no key: u8 other database, varint first slot, varint end slot; exchanges both
  // Strings.
  kSetString = 16,  // signed expiry, bytes
  kAppend = 17,     // bytes
  kSetRange = 18,   // varint offset, bytes
  // Hashes.
  kHashSet = 32,     // varint n, then n x (field, value); a set field loses its expiry
  kHashDelete = 33,  // varint n, then n x field
  kHashExpire = 34,  // signed Unix milliseconds (0 = never), varint n, then n x field
  // Topics: the keyspace's tenant (tenant.h, src/topics/topic_effects.h). Database 0, no key.
  kTopicPut = 48,
  kTopicRemove = 49,
  kGroupPut = 50,
  kGroupRemove = 51,
  kTopicAppend = 52,
  kTopicCommit = 53,
  kTopicTrim = 54,
};

/// Where mutators put effects: a payload that becomes one log record.
class EffectSink {
 public:
  /// Begins an effect on `key`; the caller appends the operands to the returned payload.
  std::string& Begin(EffectOp op, uint32_t db, std::string_view key) {
    std::string& out = BeginWithoutKey(op, db);
    PutBytes(out, key);
    return out;
  }
  std::string& BeginWithoutKey(EffectOp op, uint32_t db) {
    const char head[] = {static_cast<char>(op), static_cast<char>(db)};
    payload_.append(head, sizeof(head));
    return payload_;
  }
  bool empty() const { return payload_.empty(); }
  std::string_view payload() const { return payload_; }
  /// Forgets the effects; keeps the memory unless it has grown beyond reason.
  void Clear() {
    constexpr size_t kKeep = size_t{1} << 20;
    payload_.clear();
    if (payload_.capacity() > kKeep) payload_.shrink_to_fit();
  }

 private:
  std::string payload_;
};

}  // namespace flashdb
