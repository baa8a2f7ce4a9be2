// Payloads of log records, images of values and DUMP payloads that the checksums let through but no
// FlashDB wrote: refused with an error or taken whole, and the keyspace stays consistent.
#include <vector>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc32c.h"
#include "base/slots.h"
#include "commands/generic_dump.h"
#include "shards/effects.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/keyspace_check.h"

namespace flashdb {
namespace {

constexpr UnixMillis kNow = 1'700'000'000'000;
// A log that passed its checksums may well say SETRANGE 4000000000; no use to allocate it here.
constexpr uint64_t kLargestOffset = 1 << 16;
constexpr EffectOp kOps[] = {EffectOp::kDelete,     EffectOp::kExpireAt,  EffectOp::kRestore,
                             EffectOp::kFlush,      EffectOp::kSwap,      EffectOp::kSetString,
                             EffectOp::kAppend,     EffectOp::kSetRange,  EffectOp::kHashSet,
                             EffectOp::kHashDelete, EffectOp::kHashExpire};

// A few slots are enough, and each input is quickly done.
constexpr uint32_t kSlots = 256;

// Most in the keyspace's slots, two in others.
const std::vector<std::string>& Keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> found = {"elsewhere", "elsewhere too"};
    for (int i = 0; found.size() < 10; ++i) {
      std::string key = fmt::format("k{}", i);
      if (SlotOf(key) < kSlots) found.push_back(std::move(key));
    }
    return found;
  }();
  return keys;
}

UnixMillis TimeIn(fuzz::Bytes& in) {
  const uint8_t kind = in.Byte();
  if (kind < 64) return 0;
  if (kind < 128) return kNow + static_cast<int64_t>(in.Number(2)) - 20'000;
  return static_cast<int64_t>(in.Number(8));
}

std::string ImageIn(fuzz::Bytes& in, ValueType type) {
  std::string image;
  if (type != ValueType::kHash || in.Below(4) == 0) {
    image = in.String(200);
    return image;
  }
  const uint64_t fields = in.Below(6);
  PutVarint(image, fields);
  for (uint64_t i = 0; i < fields; ++i) {
    PutBytes(image, fmt::format("f{}", in.Below(20)));
    PutBytes(image, in.String(80));
    PutSigned(image, TimeIn(in));
  }
  return image;
}

void PutOperands(EffectOp op, fuzz::Bytes& in, std::string& out) {
  if (op == EffectOp::kExpireAt || op == EffectOp::kSetString) PutSigned(out, TimeIn(in));
  if (op == EffectOp::kRestore) {
    const auto type = static_cast<ValueType>(in.Below(3));
    PutByte(out, static_cast<uint8_t>(type));
    PutSigned(out, TimeIn(in));
    PutBytes(out, ImageIn(in, type));
  }
  if (op == EffectOp::kSetRange) PutVarint(out, in.Below(kLargestOffset));
  if (op == EffectOp::kSetString || op == EffectOp::kAppend || op == EffectOp::kSetRange) {
    const bool large = in.Below(8) == 0;
    PutBytes(out, large ? std::string(in.Below(9000), 'x') : std::string(in.String(100)));
  }
  if (op < EffectOp::kHashSet) return;
  if (op == EffectOp::kHashExpire) PutSigned(out, TimeIn(in));
  const uint64_t fields = in.Below(8) == 0 ? in.Below(200) : in.Below(5);
  PutVarint(out, fields);
  for (uint64_t i = 0; i < fields; ++i) {
    PutBytes(out, fmt::format("f{}", in.Below(200)));
    if (op == EffectOp::kHashSet) PutBytes(out, in.String(80));
  }
}

std::string EffectIn(fuzz::Bytes& in) {
  const EffectOp op = kOps[in.Below(std::size(kOps))];
  std::string out;
  PutByte(out, static_cast<uint8_t>(op));
  PutByte(out, static_cast<uint8_t>(in.Below(3)));
  if (op == EffectOp::kFlush || op == EffectOp::kSwap) {
    if (op == EffectOp::kSwap) PutByte(out, static_cast<uint8_t>(in.Below(3)));
    const uint64_t first = in.Below(kSlots);
    PutVarint(out, in.Below(2) == 0 ? 0 : first);
    PutVarint(out, in.Below(2) == 0 ? kSlotCount : first + in.Below(200));
    return out;
  }
  PutBytes(out, Keys()[in.Below(Keys().size())]);
  PutOperands(op, in, out);
  return out;
}

// Whether some effect of the payload asks for more memory than this test gives.
bool IsTooLarge(std::string_view payload) {
  for (size_t i = 0; i + 2 < payload.size(); ++i) {
    if (static_cast<uint8_t>(payload[i]) != static_cast<uint8_t>(EffectOp::kSetRange)) continue;
    Decoder in(payload.substr(i + 2));
    (void)in.Bytes();
    if (in.ok() && in.Varint() > kLargestOffset) return true;
  }
  return false;
}

// A second keyspace, loaded from images of the first as recovery does, is equal.
void CheckImages(Keyspace& keys, const fuzz::Contents& contents) {
  Keyspace loaded(0, kSlots);
  for (uint32_t db = 0; db < kDatabaseCount; ++db) {
    keys.ForEach(db, [&](const Entry& entry) {
      std::string image;
      Keyspace::EncodeValue(entry, image);
      Status status = loaded.Load(db, MakeKey(entry.key()), entry.type, image, entry.expire_at());
      FLASHDB_CHECK(status.ok(), "an image is refused: {}", MessageOf(status));
    });
  }
  fuzz::Contents again;
  fuzz::AddContents(loaded, again);
  fuzz::CheckEqual(contents, again, "loaded from images");
  fuzz::CheckMemoryComesBack(loaded);
}

void CheckDump(Keyspace& keys, fuzz::Bytes& in) {
  const auto type = static_cast<ValueType>(in.Below(3));
  std::string payload;
  PutByte(payload, static_cast<uint8_t>(type));
  payload += ImageIn(in, type);
  PutFixed<uint16_t>(payload, static_cast<uint16_t>(in.Below(3)));
  PutFixed<uint32_t>(payload,
                     Crc32c({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}));
  std::optional<generic::DumpedValue> dumped = generic::DecodeDump(payload);
  if (!dumped.has_value()) return;
  const KeyRef key = MakeKey(Keys().back());
  Status status =
      keys.Restore(0, key, static_cast<ValueType>(dumped->type), dumped->image, TimeIn(in));
  if (!status.ok()) return;
  keys.SetNow(INT64_MIN);
  const Entry* entry = keys.Find(0, key);
  FLASHDB_CHECK(entry != nullptr, "restored, but not there");
  const std::string dump = generic::EncodeDump(*entry);
  std::optional<generic::DumpedValue> again = generic::DecodeDump(dump);
  FLASHDB_CHECK(again.has_value() && again->type == dumped->type, "dumped again it is refused");
  keys.SetNow(kNow);
}

void Replay(Keyspace& keys, std::string payload, Lsn lsn) {
  if (IsTooLarge(payload)) return;
  Status status = keys.Apply(payload, lsn);
  FLASHDB_CHECK(status.ok() || !status.message().empty(), "an error says nothing");
}

}  // namespace
}  // namespace flashdb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flashdb;  // NOLINT: a function of this file
  fuzz::Bytes in(data, size);
  Keyspace keys(0, kSlots);
  keys.SetNow(kNow);
  Lsn lsn = 0;
  while (!in.empty()) {
    switch (in.Below(8)) {
      case 0:
        Replay(keys, std::string(in.String(200)), ++lsn);
        break;
      case 1:
        CheckDump(keys, in);
        break;
      case 2: {
        std::string effect = EffectIn(in);
        if (effect.empty()) break;
        if (in.Below(2) == 0)
          effect.resize(in.Below(effect.size()));
        else
          effect[in.Below(effect.size())] ^= static_cast<char>(in.Byte());
        Replay(keys, effect, ++lsn);
        break;
      }
      case 3:
        keys.ExpireSome(100, [](SlotId) { return false; });
        break;
      case 4:
        keys.SetNow(keys.now() + static_cast<int64_t>(in.Number(2)));
        break;
      default:
        Replay(keys, EffectIn(in), ++lsn);
    }
  }
  fuzz::Contents contents;
  fuzz::AddContents(keys, contents);
  CheckImages(keys, contents);
  fuzz::CheckMemoryComesBack(keys);
  return 0;
}
