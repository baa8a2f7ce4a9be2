// Replay: the effects of a log record go through the mutators again.
#include "base/check.h"
#include "shards/keyspace.h"

namespace flashdb {
namespace {

std::string_view NameOf(EffectOp op) {
  switch (op) {
    case EffectOp::kDelete:
      return "Delete";
    case EffectOp::kExpireAt:
      return "ExpireAt";
    case EffectOp::kRestore:
      return "Restore";
    case EffectOp::kFlush:
      return "Flush";
    case EffectOp::kSwap:
      return "Swap";
    case EffectOp::kSetString:
      return "SetString";
    case EffectOp::kAppend:
      return "Append";
    case EffectOp::kSetRange:
      return "SetRange";
    case EffectOp::kHashSet:
      return "HashSet";
    case EffectOp::kHashDelete:
      return "HashDelete";
    case EffectOp::kHashExpire:
      return "HashExpire";
    case EffectOp::kTopicPut:
    case EffectOp::kTopicRemove:
    case EffectOp::kGroupPut:
    case EffectOp::kGroupRemove:
    case EffectOp::kTopicAppend:
    case EffectOp::kTopicCommit:
    case EffectOp::kTopicTrim:
      return "of topics";
  }
  return "unknown";
}

Status Malformed(EffectOp op, std::string_view what) {
  return absl::DataLossError(
      fmt::format("effect {} (number {}): {}", NameOf(op), static_cast<int>(op), what));
}

/// The largest string that any configuration allows: 4 GiB less one fits an Entry's counts.
constexpr uint64_t kMaxStringBytes = UINT32_MAX;

}  // namespace

Status Keyspace::Apply(std::string_view payload, Lsn lsn) {
  FLASHDB_CHECK(!replaying_ && capture_ == nullptr);
  replaying_ = true;
  replay_lsn_ = lsn;
  const Lsn gate = gate_;
  Decoder in(payload);
  Status status = OkStatus();
  while (!in.empty() && status.ok()) {
    const auto op = static_cast<EffectOp>(in.Byte());
    const uint32_t db = in.Byte();
    if (!in.ok() || db >= kDatabaseCount) {
      status = Malformed(op, in.ok() ? "no such database" : "cut short");
    } else {
      status = ApplyOne(op, db, in);
    }
  }
  gate_ = gate;
  replaying_ = false;
  return status;
}

Status Keyspace::Load(uint32_t db, const KeyRef& key, ValueType type, std::string_view image,
                      UnixMillis expire_at) {
  FLASHDB_CHECK(!replaying_ && capture_ == nullptr);
  replaying_ = true;
  replay_lsn_ = 0;
  Status status = Restore(db, key, type, image, expire_at);
  replaying_ = false;
  return status;
}

void Keyspace::SetImageLsn(SlotId slot, Lsn lsn) {
  FLASHDB_CHECK(Owns(slot));
  if (image_lsns_.empty()) image_lsns_.resize(slot_count());
  image_lsns_[slot - first_slot_] = lsn;
  Stamp(slot, lsn);
}

bool Keyspace::ReplaysSlot(uint32_t slot) const {
  if (!Owns(static_cast<SlotId>(slot))) return false;
  return image_lsns_.empty() || image_lsns_[slot - first_slot_] < replay_lsn_;
}

Status Keyspace::ApplyOne(EffectOp op, uint32_t db, Decoder& in) {
  if (op == EffectOp::kFlush || op == EffectOp::kSwap) return ApplyToAll(op, db, in);
  if (op >= EffectOp::kTopicPut && tenant_ != nullptr) {
    FLASHDB_RETURN_IF_ERROR(tenant_->Apply(op, in, replay_lsn_));
    return in.ok() ? OkStatus() : Malformed(op, "the operands are cut short");
  }
  const KeyRef key = MakeKey(in.Bytes());
  if (!in.ok()) return Malformed(op, "the key is cut short");
  const bool mine = ReplaysSlot(key.slot);
  FLASHDB_RETURN_IF_ERROR([&]() -> Status {
    switch (static_cast<uint8_t>(op) / 16) {
      case 0:
        return ApplyToAny(op, db, key, mine, in);
      case 1:
        return ApplyString(op, db, key, mine, in);
      case 2:
        return ApplyHash(op, db, key, mine, in);
      default:
        return Malformed(op, "this version does not know it");
    }
  }());
  return in.ok() ? OkStatus() : Malformed(op, "the operands are cut short");
}

Status Keyspace::ApplyToAll(EffectOp op, uint32_t db, Decoder& in) {
  const uint32_t other = op == EffectOp::kSwap ? in.Byte() : db;
  const uint64_t first = in.Varint();
  const uint64_t end = in.Varint();
  if (!in.ok() || other >= kDatabaseCount || first > end || end > kSlotCount) {
    return Malformed(op, "the operands are out of range or cut short");
  }
  if (op == EffectOp::kFlush) {
    FlushSlots(db, static_cast<uint32_t>(first), static_cast<uint32_t>(end));
  } else if (other != db) {
    SwapSlots(db, other, static_cast<uint32_t>(first), static_cast<uint32_t>(end));
  }
  return OkStatus();
}

Status Keyspace::ApplyToAny(EffectOp op, uint32_t db, const KeyRef& key, bool mine, Decoder& in) {
  switch (op) {
    case EffectOp::kDelete:
      if (mine) Delete(db, key);
      return OkStatus();
    case EffectOp::kExpireAt: {
      const UnixMillis at = in.Signed();
      if (in.ok() && mine) SetExpiry(db, key, at);
      return OkStatus();
    }
    case EffectOp::kRestore: {
      const auto type = static_cast<ValueType>(in.Byte());
      const UnixMillis expire_at = in.Signed();
      const std::string_view image = in.Bytes();
      if (!in.ok() || !mine) return OkStatus();
      Status status = Restore(db, key, type, image, expire_at);
      return status.ok() ? status : Malformed(op, MessageOf(status));
    }
    default:
      return Malformed(op, "this version does not know it");
  }
}

Status Keyspace::ApplyString(EffectOp op, uint32_t db, const KeyRef& key, bool mine, Decoder& in) {
  const UnixMillis expire_at = op == EffectOp::kSetString ? in.Signed() : 0;
  const uint64_t offset = op == EffectOp::kSetRange ? in.Varint() : 0;
  const std::string_view bytes = in.Bytes();
  if (!in.ok() || !mine) return OkStatus();
  if (op == EffectOp::kSetString) {
    SetString(db, key, bytes, expire_at);
    return OkStatus();
  }
  Entry** ref = FindRef(db, key);
  if (ref != nullptr && (*ref)->type != ValueType::kString) {
    return Malformed(op, "the key holds no string");
  }
  if (op == EffectOp::kAppend) {
    AppendString(db, key, bytes);
  } else if (op == EffectOp::kSetRange) {
    if (offset > kMaxStringBytes) return Malformed(op, "the offset is out of range");
    OverwriteString(db, key, offset, bytes);
  } else {
    return Malformed(op, "this version does not know it");
  }
  return OkStatus();
}

Status Keyspace::ApplyHash(EffectOp op, uint32_t db, const KeyRef& key, bool mine, Decoder& in) {
  if (op > EffectOp::kHashExpire) return Malformed(op, "this version does not know it");
  const UnixMillis at = op == EffectOp::kHashExpire ? in.Signed() : 0;
  const uint64_t count = in.Varint();
  std::vector<FieldValue> pairs;
  std::vector<std::string_view> fields;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view field = in.Bytes();
    if (op == EffectOp::kHashSet) {
      pairs.push_back({field, in.Bytes()});
    } else {
      fields.push_back(field);
    }
  }
  if (!in.ok() || !mine || count == 0) return OkStatus();
  Entry** ref = FindRef(db, key);
  if (ref != nullptr && (*ref)->type != ValueType::kHash) {
    return Malformed(op, "the key holds no hash");
  }
  if (op == EffectOp::kHashSet) HashSet(db, key, pairs);
  if (op == EffectOp::kHashDelete) HashDelete(db, key, fields);
  if (op == EffectOp::kHashExpire) HashExpire(db, key, fields, at);
  return OkStatus();
}

}  // namespace flashdb
