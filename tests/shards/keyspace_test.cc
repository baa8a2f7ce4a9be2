#include "shards/keyspace.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

#include "shards/hash_value.h"

namespace flashdb {
namespace {

constexpr UnixMillis kStart = 1'700'000'000'000;

bool NothingLocked(SlotId) { return false; }

/// What a keyspace holds, as text: images by database and key.
std::map<std::string, std::string> ContentsOf(Keyspace& keys) {
  std::map<std::string, std::string> contents;
  for (uint32_t db = 0; db < kDatabaseCount; ++db) {
    keys.ForEach(db, [&](const Entry& entry) {
      std::string image = fmt::format("{} {} ", static_cast<int>(entry.type), entry.expire_at());
      if (entry.type == ValueType::kHash) {
        std::map<std::string, std::string> fields;
        static_cast<const HashValue*>(entry.value())
            ->ForEachLive(INT64_MIN, [&](const HashField& field) {
              fields[std::string(field.name)] = fmt::format("{}@{}", field.value, field.expire_at);
            });
        for (auto& [name, value] : fields) image += name + "=" + value + " ";
      } else {
        Keyspace::EncodeValue(entry, image);
      }
      contents[fmt::format("{}/{}", db, entry.key())] = image;
    });
  }
  return contents;
}

std::string Get(Keyspace& keys, std::string_view key, uint32_t db = 0) {
  const Entry* entry = keys.Find(db, MakeKey(key));
  return entry == nullptr ? "(none)" : std::string(entry->string());
}

struct Fixture {
  Fixture() : keys(0, kSlotCount) { keys.SetNow(kStart); }
  void Set(std::string_view key, std::string_view value, UnixMillis expire_at = 0) {
    keys.SetString(0, MakeKey(key), value, expire_at);
  }
  Keyspace keys;
};

// ---- Strings and expiry ------------------------------------------------------------------------

TEST(KeyspaceTest, StringsOfEverySizeReadBackAfterEveryChange) {
  Fixture f;
  for (size_t size : {0, 1, 15, 16, 17, 4096, 4097, 100000, 50001, 60000, 3, 0}) {
    std::string value(size, 'x');
    f.Set("k", value);
    EXPECT_EQ(Get(f.keys, "k"), value);
    f.keys.AppendString(0, MakeKey("k"), "yz");
    EXPECT_EQ(Get(f.keys, "k"), value + "yz");
    EXPECT_EQ(f.keys.OverwriteString(0, MakeKey("k"), size + 4, "!"), size + 5);
    EXPECT_EQ(Get(f.keys, "k"), value + "yz" + std::string(2, '\0') + "!");
  }
  EXPECT_EQ(f.keys.Size(0), 1u);
}

TEST(KeyspaceTest, SettingAStringOfTheSameBlockSizeKeepsTheBlock) {
  Fixture f;
  f.Set("k", "9");
  const Entry* before = f.keys.Find(0, MakeKey("k"));
  f.Set("k", "10");
  EXPECT_EQ(f.keys.Find(0, MakeKey("k")), before);
  EXPECT_EQ(Get(f.keys, "k"), "10");
}

TEST(KeyspaceTest, UpdateKeepsTheExpiryAndSetDropsIt) {
  Fixture f;
  f.Set("k", "1", kStart + 100);
  f.keys.UpdateString(0, MakeKey("k"), "2");
  EXPECT_EQ(f.keys.Find(0, MakeKey("k"))->expire_at(), kStart + 100);
  EXPECT_EQ(f.keys.VolatileSize(0), 1u);
  f.Set("k", "3");
  EXPECT_EQ(f.keys.Find(0, MakeKey("k"))->expire_at(), 0);
  EXPECT_EQ(f.keys.VolatileSize(0), 0u);
}

TEST(KeyspaceTest, AnExpiredKeyIsInvisibleAndItsRemovalIsLogged) {
  Fixture f;
  f.Set("k", "1", kStart + 100);
  f.keys.SetNow(kStart + 99);
  EXPECT_EQ(Get(f.keys, "k"), "1");
  f.keys.SetNow(kStart + 100);
  EXPECT_EQ(Get(f.keys, "k"), "(none)");
  f.keys.sink().Clear();
  EXPECT_FALSE(f.keys.Delete(0, MakeKey("k")));
  EXPECT_EQ(f.keys.sink().payload(), std::string("\x01\x00\x01k", 4));
  EXPECT_EQ(f.keys.Size(0), 0u);
  EXPECT_EQ(f.keys.stats().expired_keys, 1u);
}

TEST(KeyspaceTest, AppendToAnExpiredKeyStartsAnew) {
  Fixture f;
  f.Set("k", "old", kStart + 1);
  f.keys.SetNow(kStart + 1);
  EXPECT_EQ(f.keys.AppendString(0, MakeKey("k"), "new"), 3u);
  EXPECT_EQ(Get(f.keys, "k"), "new");
  EXPECT_EQ(f.keys.Find(0, MakeKey("k"))->expire_at(), 0);
}

TEST(KeyspaceTest, AnExpiryInThePastDeletes) {
  Fixture f;
  f.Set("k", "1");
  EXPECT_TRUE(f.keys.SetExpiry(0, MakeKey("k"), kStart - 1));
  EXPECT_EQ(Get(f.keys, "k"), "(none)");
  EXPECT_FALSE(f.keys.SetExpiry(0, MakeKey("k"), kStart + 1));
}

TEST(KeyspaceTest, SetExpiryTellsWhetherAnythingChanged) {
  Fixture f;
  f.Set("k", "1");
  EXPECT_FALSE(f.keys.SetExpiry(0, MakeKey("k"), 0));
  EXPECT_TRUE(f.keys.SetExpiry(0, MakeKey("k"), kStart + 5));
  EXPECT_FALSE(f.keys.SetExpiry(0, MakeKey("k"), kStart + 5));
  EXPECT_TRUE(f.keys.SetExpiry(0, MakeKey("k"), kStart + 6));
  EXPECT_TRUE(f.keys.SetExpiry(0, MakeKey("k"), 0));
  EXPECT_EQ(Get(f.keys, "k"), "1");
}

TEST(KeyspaceTest, HitsMissesAndAccessTimeFollowClientReadsOnly) {
  Fixture f;
  f.Set("k", "1");
  f.keys.SetNow(kStart + 5000);
  f.keys.Find(0, MakeKey("k"), Keyspace::Touch::kQuiet);
  const Entry* entry = f.keys.Find(0, MakeKey("k"), Keyspace::Touch::kQuiet);
  EXPECT_EQ(entry->IdleSeconds(kStart / 1000 + 5), 5u);
  EXPECT_EQ(f.keys.Find(0, MakeKey("k"))->IdleSeconds(kStart / 1000 + 5), 0u);
  f.keys.Find(0, MakeKey("nothing"));
  EXPECT_EQ(f.keys.stats().hits, 1u);
  EXPECT_EQ(f.keys.stats().misses, 1u);
}

// ---- Replay ------------------------------------------------------------------------------------

/// Random commands on few keys, against a plain map of strings; hashes run along unmodelled and
/// are checked by replay.
class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : random_(seed), keys_(0, kSlotCount) { keys_.SetNow(kStart); }

  void Step(Lsn lsn) {
    keys_.set_next_lsn(lsn);
    keys_.SetNow(keys_.now() + static_cast<int64_t>(random_.Below(5)));
    const uint32_t db = static_cast<uint32_t>(random_.Below(2));
    const std::string name = "key" + std::to_string(random_.Below(40));
    const std::string value(random_.Below(30) == 0 ? 5000 : random_.Below(40), 'a');
    random_.Below(3) == 0 ? StepHash(db, "h" + name, value) : StepString(db, name, value);
    StepAll(random_.Below(400));
    log_.emplace_back(keys_.sink().payload());
    keys_.sink().Clear();
  }

  void Check() {
    for (uint32_t db = 0; db < 2; ++db) {
      for (int i = 0; i < 40; ++i) {
        const std::string name = "key" + std::to_string(i);
        auto found = model_[db].find(name);
        const bool live = found != model_[db].end() &&
                          (found->second.second == 0 || found->second.second > keys_.now());
        ASSERT_EQ(Get(keys_, name, db), live ? found->second.first : "(none)") << name;
      }
    }
  }

  Keyspace& keys() { return keys_; }
  const std::vector<std::string>& log() const { return log_; }

 private:
  UnixMillis SomeTime() {
    return random_.Below(2) == 0 ? 0 : keys_.now() + 1 + static_cast<int64_t>(random_.Below(300));
  }

  std::pair<std::string, UnixMillis>* Model(uint32_t db, const std::string& name) {
    auto found = model_[db].find(name);
    if (found == model_[db].end()) return nullptr;
    if (found->second.second != 0 && found->second.second <= keys_.now()) {
      model_[db].erase(found);
      return nullptr;
    }
    return &found->second;
  }

  void StepString(uint32_t db, const std::string& name, const std::string& value) {
    const KeyRef key = MakeKey(name);
    auto* old = Model(db, name);
    const UnixMillis at = SomeTime();
    switch (random_.Below(6)) {
      case 0:
        keys_.SetString(db, key, value, at);
        model_[db][name] = {value, at};
        break;
      case 1:
        EXPECT_EQ(keys_.Delete(db, key), old != nullptr);
        model_[db].erase(name);
        break;
      case 2:
        EXPECT_EQ(keys_.SetExpiry(db, key, at), old != nullptr && old->second != at);
        if (old != nullptr) old->second = at;
        break;
      case 3:
        keys_.UpdateString(db, key, value);
        model_[db][name] = {value, old == nullptr ? 0 : old->second};
        break;
      case 4:
        keys_.AppendString(db, key, value);
        model_[db][name].first += value;
        break;
      default: {
        const size_t offset = random_.Below(60);
        keys_.OverwriteString(db, key, offset, value);
        if (value.empty()) break;
        std::string& bytes = model_[db][name].first;
        bytes.resize(std::max(bytes.size(), offset + value.size()));
        bytes.replace(offset, value.size(), value);
      }
    }
  }

  void StepHash(uint32_t db, const std::string& name, const std::string& value) {
    const KeyRef key = MakeKey(name);
    std::vector<std::string> names;
    for (int i = 0; i < 3; ++i) names.push_back("f" + std::to_string(random_.Below(200)));
    const std::vector<std::string_view> fields(names.begin(), names.end());
    std::vector<Keyspace::FieldValue> pairs;
    for (std::string_view field : fields) pairs.push_back({field, value});
    switch (random_.Below(8)) {
      case 0:
        keys_.HashDelete(db, key, fields);
        break;
      case 1:
        keys_.HashExpire(db, key, fields, SomeTime());
        break;
      case 2:
        keys_.HashUpdate(db, key, fields[0], value);
        break;
      case 3:
        keys_.SetExpiry(db, key, SomeTime());
        break;
      default:
        keys_.HashSet(db, key, pairs);
    }
  }

  void StepAll(uint64_t choice) {
    if (choice == 0) {
      keys_.Flush(1);
      model_[1].clear();
    } else if (choice == 1) {
      keys_.Swap(0, 1);
      std::swap(model_[0], model_[1]);
    } else if (choice < 20) {
      keys_.ExpireSome(50, NothingLocked);
    } else if (choice < 40) {
      keys_.ReleaseSome(10);
    }
  }

  Random random_;
  Keyspace keys_;
  std::map<std::string, std::pair<std::string, UnixMillis>> model_[2];
  std::vector<std::string> log_;
};

class KeyspaceRandomTest : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, KeyspaceRandomTest, testing::Values(1, 2, 3));

TEST_P(KeyspaceRandomTest, BehavesLikeAMapAndReplaysToTheSameContents) {
  RandomRun run(GetParam());
  Keyspace whole(0, kSlotCount);
  Keyspace low(0, 8000);
  Keyspace high(8000, kSlotCount);
  for (Lsn lsn = 1; lsn <= 6000; ++lsn) {
    run.Step(lsn);
    if (lsn % 50 == 0) run.Check();
    for (Keyspace* copy : {&whole, &low, &high}) {
      ASSERT_TRUE(copy->Apply(run.log().back(), lsn).ok());
    }
  }
  for (Keyspace* copy : {&whole, &low, &high}) copy->SetNow(run.keys().now());
  const auto expected = ContentsOf(run.keys());
  EXPECT_GT(expected.size(), 20u);
  EXPECT_EQ(ContentsOf(whole), expected);
  auto halves = ContentsOf(low);
  EXPECT_LT(halves.size(), expected.size());
  halves.merge(ContentsOf(high));
  EXPECT_EQ(halves, expected);
  for (uint32_t db = 0; db < 2; ++db) {
    EXPECT_EQ(whole.Size(db), run.keys().Size(db));
    EXPECT_EQ(low.Size(db) + high.Size(db), run.keys().Size(db));
    EXPECT_EQ(low.VolatileSize(db) + high.VolatileSize(db), run.keys().VolatileSize(db));
  }
  EXPECT_TRUE(whole.sink().empty());
}

TEST_P(KeyspaceRandomTest, ExpiryFindsEverythingAlsoAfterReplay) {
  RandomRun run(GetParam());
  Keyspace copy(0, kSlotCount);
  for (Lsn lsn = 1; lsn <= 2000; ++lsn) {
    run.Step(lsn);
    ASSERT_TRUE(copy.Apply(run.log().back(), lsn).ok());
  }
  for (Keyspace* keys : {&run.keys(), &copy}) {
    keys->SetNow(run.keys().now() + 1000);
    for (int i = 0; i < 2000; ++i) keys->ExpireSome(100, NothingLocked);
    EXPECT_EQ(keys->VolatileSize(0) + keys->VolatileSize(1), 0u);
    for (uint32_t db = 0; db < 2; ++db) {
      keys->ForEach(db, [](const Entry& entry) {
        if (entry.type != ValueType::kHash) return;
        const auto* hash = static_cast<const HashValue*>(entry.value());
        EXPECT_EQ(hash->next_expiry(), INT64_MAX);
        EXPECT_GT(hash->size(), 0u);
      });
    }
  }
  EXPECT_EQ(ContentsOf(copy), ContentsOf(run.keys()));
}

TEST_P(KeyspaceRandomTest, MemoryIsBackToNothingWhenEverythingIsGone) {
  RandomRun run(GetParam());
  for (Lsn lsn = 1; lsn <= 2000; ++lsn) run.Step(lsn);
  EXPECT_GT(run.keys().MemoryBytes(), 0u);
  run.keys().Flush(0);
  run.keys().Flush(1);
  while (!run.keys().ReleaseSome(100)) {
  }
  // A database that was never filled again has no slots; one that was empty may have kept them.
  EXPECT_EQ(run.keys().MemoryBytes() % (kSlotCount * sizeof(Keyspace::DatabaseSlot)), 0u);
}

TEST(KeyspaceTest, ReplayLooksAtNoClock) {
  Fixture f;
  f.Set("k", "1", kStart + 10);
  f.keys.AppendString(0, MakeKey("k"), "2");
  const std::string log(f.keys.sink().payload());
  Keyspace copy(0, kSlotCount);
  copy.SetNow(kStart + 1000);
  ASSERT_TRUE(copy.Apply(log, 1).ok());
  EXPECT_EQ(Get(copy, "k"), "(none)");
  copy.SetNow(kStart);
  EXPECT_EQ(Get(copy, "k"), "12");
}

TEST(KeyspaceTest, EveryCutOfAPayloadIsDataLossOrAWholeNumberOfEffects) {
  Fixture f;
  std::set<size_t> ends = {0};
  auto mark = [&] { ends.insert(f.keys.sink().payload().size()); };
  const Keyspace::FieldValue pair{"field", "value"};
  const std::string_view field = "field";
  f.Set("k", "value", kStart + 10), mark();
  f.keys.AppendString(0, MakeKey("k"), "more"), mark();
  f.keys.OverwriteString(0, MakeKey("k"), 300, "more"), mark();
  f.keys.SetExpiry(0, MakeKey("k"), kStart + 20), mark();
  f.keys.HashSet(0, MakeKey("h"), {&pair, 1}), mark();
  f.keys.HashExpire(0, MakeKey("h"), {&field, 1}, kStart + 30), mark();
  f.keys.Swap(0, 1), mark();
  f.keys.HashDelete(1, MakeKey("h"), {&field, 1}), mark();
  f.keys.Delete(1, MakeKey("k")), mark();
  ASSERT_TRUE(f.keys.Restore(1, MakeKey("r"), ValueType::kString, "image", 0).ok());
  mark();
  f.keys.Flush(1), mark();
  const std::string payload(f.keys.sink().payload());
  for (size_t cut = 0; cut <= payload.size(); ++cut) {
    Keyspace copy(0, kSlotCount);
    Status status = copy.Apply(std::string_view(payload).substr(0, cut), 1);
    EXPECT_EQ(status.ok(), ends.contains(cut)) << cut;
    EXPECT_EQ(status.code() == absl::StatusCode::kDataLoss, !ends.contains(cut)) << cut;
  }
}

TEST(KeyspaceTest, ReplayRefusesWhatItDoesNotKnow) {
  Keyspace keys(0, kSlotCount);
  const std::string_view payloads[] = {{"\x7f\x00\x01k", 4}, {"\x01\x10\x01k", 4}};
  for (std::string_view payload : payloads) {
    EXPECT_EQ(keys.Apply(payload, 1).code(), absl::StatusCode::kDataLoss);
  }
  Fixture f;
  f.Set("k", "1");
  const Keyspace::FieldValue pair{"f", "v"};
  Fixture hash;
  hash.keys.HashSet(0, MakeKey("k"), {&pair, 1});
  Status status = f.keys.Apply(hash.keys.sink().payload(), 1);
  EXPECT_NE(MessageOf(status).find("HashSet"), std::string::npos) << MessageOf(status);
}

TEST(KeyspaceTest, RecordsNoNewerThanASlotsImageAreSkipped) {
  Fixture f;
  f.Set("k", "new");
  Keyspace copy(0, kSlotCount);
  const KeyRef key = MakeKey("k");
  copy.SetImageLsn(key.slot, 7);
  ASSERT_TRUE(copy.Apply(f.keys.sink().payload(), 7).ok());
  EXPECT_EQ(Get(copy, "k"), "(none)");
  ASSERT_TRUE(copy.Apply(f.keys.sink().payload(), 8).ok());
  EXPECT_EQ(Get(copy, "k"), "new");
  EXPECT_EQ(copy.LastChange(key.slot), 8u);
}

TEST(KeyspaceTest, LoadingAnImageLogsNothingAndKeepsExpiredKeys) {
  Keyspace keys(0, kSlotCount);
  keys.SetNow(kStart);
  keys.SetImageLsn(SlotOf("k"), 7);
  ASSERT_TRUE(keys.Load(0, MakeKey("k"), ValueType::kString, "v", kStart - 1).ok());
  EXPECT_TRUE(keys.sink().empty());
  EXPECT_EQ(keys.changes(), 0u);
  EXPECT_EQ(keys.Size(0), 1u);
  EXPECT_EQ(keys.LastChange(SlotOf("k")), 7u);
  EXPECT_EQ(keys.ExpireSome(100000, NothingLocked), 1u);
}

TEST(KeyspaceTest, AReplayedFlushLeavesTheSlotsOfOtherLogsAlone) {
  Keyspace low(0, 8000);
  std::string low_key = "a";
  while (!low.Owns(SlotOf(low_key))) low_key += "a";
  std::string high_key = "a";
  while (low.Owns(SlotOf(high_key))) high_key += "b";
  low.SetString(0, MakeKey(low_key), "1", 0);
  low.Flush(0);
  Keyspace both(0, kSlotCount);
  both.SetString(0, MakeKey(high_key), "2", 0);
  ASSERT_TRUE(both.Apply(low.sink().payload(), 3).ok());
  EXPECT_EQ(Get(both, low_key), "(none)");
  EXPECT_EQ(Get(both, high_key), "2");
  EXPECT_EQ(both.Size(0), 1u);
}

TEST(KeyspaceTest, ValuesSurviveEncodeAndRestore) {
  Fixture f;
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("f" + std::to_string(i));
  for (const std::string& name : names) {
    const Keyspace::FieldValue pair{name, "v"};
    f.keys.HashSet(0, MakeKey("h"), {&pair, 1});
  }
  const std::string_view some = names[7];
  f.keys.HashExpire(0, MakeKey("h"), {&some, 1}, kStart + 50);
  std::string image;
  Keyspace::EncodeValue(*f.keys.Find(0, MakeKey("h")), image);
  Keyspace copy(0, kSlotCount);
  ASSERT_TRUE(copy.Restore(0, MakeKey("h"), ValueType::kHash, image, 0).ok());
  EXPECT_EQ(ContentsOf(copy), ContentsOf(f.keys));
  copy.SetNow(kStart + 50);
  copy.ExpireSome(100000, NothingLocked);
  EXPECT_EQ(copy.stats().expired_fields, 1u);
  image.pop_back();
  EXPECT_FALSE(copy.Restore(0, MakeKey("h"), ValueType::kHash, image, 0).ok());
}

TEST(KeyspaceTest, ChangesWithoutATouchKeepTheTimeOfTheLastUse) {
  Fixture f;
  const auto used = [&](std::string_view key) {
    const Entry* entry = f.keys.Find(0, MakeKey(key), Keyspace::Touch::kQuiet);
    return uint32_t{entry->access_seconds};
  };
  const Keyspace::FieldValue pair{"f", "v"};
  f.Set("k", "v");
  f.keys.HashSet(0, MakeKey("h"), {&pair, 1});
  f.keys.SetNow(kStart + 60'000);
  f.keys.set_no_touch(true);
  f.keys.AppendString(0, MakeKey("k"), "w");
  f.keys.SetExpiry(0, MakeKey("k"), kStart + 100'000);
  f.keys.HashSet(0, MakeKey("h"), {&pair, 1});
  EXPECT_EQ(used("k"), kStart / 1000 & Entry::kAccessMask);
  EXPECT_EQ(used("h"), kStart / 1000 & Entry::kAccessMask);
  f.keys.set_no_touch(false);
  f.keys.SetExpiry(0, MakeKey("k"), 0);
  EXPECT_EQ(used("k"), (kStart / 1000 + 60) & Entry::kAccessMask);
  f.keys.SetAccess(0, MakeKey("k"), 7);
  EXPECT_EQ(used("k"), 7u);
}

// ---- Visibility --------------------------------------------------------------------------------

TEST(KeyspaceTest, AReadDependsOnTheLastChangeOfItsSlotOnly) {
  Fixture f;
  f.keys.set_next_lsn(5);
  f.Set("a", "1");
  EXPECT_EQ(f.keys.TakeGate(), 5u);
  f.keys.set_next_lsn(6);
  f.Set("b", "1");
  f.keys.TakeGate();
  f.keys.Find(0, MakeKey("a"));
  EXPECT_EQ(f.keys.TakeGate(), 5u);
  f.keys.Find(0, MakeKey("c"));
  EXPECT_EQ(f.keys.TakeGate(), 0u);
  f.keys.Size(0);
  EXPECT_EQ(f.keys.TakeGate(), 6u);
}

TEST(KeyspaceTest, AMissingKeyDependsOnItsRemoval) {
  Fixture f;
  f.Set("a", "1");
  f.keys.set_next_lsn(9);
  f.keys.Delete(0, MakeKey("a"));
  f.keys.TakeGate();
  f.keys.Find(0, MakeKey("a"));
  EXPECT_EQ(f.keys.TakeGate(), 9u);
  EXPECT_FALSE(f.keys.Delete(0, MakeKey("a")));
  EXPECT_EQ(f.keys.TakeGate(), 9u);
}

TEST(KeyspaceTest, AFlushIsSeenInEverySlot) {
  Fixture f;
  f.Set("a", "1");
  f.keys.set_next_lsn(4);
  f.keys.Flush(0);
  EXPECT_EQ(f.keys.TakeGate(), 4u);
  f.keys.Find(3, MakeKey("whatever"));
  EXPECT_EQ(f.keys.TakeGate(), 4u);
}

TEST(KeyspaceTest, ACaptureHoldsEffectsAndStampsBack) {
  Fixture f;
  f.keys.set_next_lsn(3);
  TransactionCapture capture;
  f.keys.set_capture(&capture);
  f.Set("a", "1");
  f.keys.set_capture(nullptr);
  EXPECT_TRUE(f.keys.sink().empty());
  EXPECT_FALSE(capture.sink.empty());
  EXPECT_EQ(f.keys.TakeGate(), 0u);
  f.keys.StampCapture(capture, 8);
  f.keys.Find(0, MakeKey("a"));
  EXPECT_EQ(f.keys.TakeGate(), 8u);
}

// ---- WATCH -------------------------------------------------------------------------------------

TEST(KeyspaceTest, AWatchSeesChangesOfItsKeyInItsDatabase) {
  Fixture f;
  KeyWatch watch;
  f.keys.AddWatch(0, "k", &watch);
  f.Set("other", "1");
  f.keys.SetString(1, MakeKey("k"), "1", 0);
  f.keys.Delete(0, MakeKey("k"));
  f.keys.Flush(0);
  EXPECT_FALSE(watch.dirty);
  f.Set("k", "1");
  EXPECT_TRUE(watch.dirty);
  watch = {};
  f.keys.Flush(0);
  EXPECT_TRUE(watch.dirty);
  watch = {};
  f.keys.Swap(0, 1);
  EXPECT_TRUE(watch.dirty);
  watch = {};
  f.keys.RemoveWatch(0, "k", &watch);
  f.Set("k", "2");
  EXPECT_FALSE(watch.dirty);
}

TEST(KeyspaceTest, AWatchSeesItsKeyExpireButNotOneThatHadExpiredBefore) {
  Fixture f;
  f.Set("k", "1", kStart + 10);
  KeyWatch live;
  f.keys.AddWatch(0, "k", &live);
  EXPECT_FALSE(live.Tripped(f.keys.now()));
  f.keys.SetNow(kStart + 10);
  EXPECT_TRUE(live.Tripped(f.keys.now()));
  KeyWatch late;
  f.keys.AddWatch(0, "k", &late);
  f.keys.ExpireSome(100000, NothingLocked);
  EXPECT_EQ(f.keys.Size(0), 0u);
  EXPECT_TRUE(live.dirty);
  EXPECT_FALSE(late.Tripped(f.keys.now()));
}

// ---- Background work ---------------------------------------------------------------------------

TEST(KeyspaceTest, FlushedMemoryComesBackInBoundedPieces) {
  Fixture f;
  for (int i = 0; i < 20000; ++i) f.Set("key" + std::to_string(i), "value");
  f.keys.Flush(0);
  EXPECT_EQ(f.keys.Size(0), 0u);
  int calls = 1;
  size_t before = f.keys.MemoryBytes();
  while (!f.keys.ReleaseSome(500)) {
    EXPECT_LT(before - f.keys.MemoryBytes(), 200'000u);
    before = f.keys.MemoryBytes();
    ++calls;
  }
  EXPECT_GT(calls, 40);
  EXPECT_EQ(f.keys.MemoryBytes(), 0u);
}

TEST(KeyspaceTest, ALargeHashIsFreedInPieces) {
  Fixture f;
  f.Set("anchor", "1");
  const size_t empty = f.keys.MemoryBytes();
  for (int i = 0; i < 5000; ++i) {
    const std::string name = "field" + std::to_string(i);
    const Keyspace::FieldValue pair{name, "value"};
    f.keys.HashSet(0, MakeKey("h"), {&pair, 1});
  }
  f.keys.Delete(0, MakeKey("h"));
  EXPECT_GT(f.keys.MemoryBytes(), empty + 100'000);
  int calls = 1;
  while (!f.keys.ReleaseSome(100)) ++calls;
  EXPECT_GE(calls, 50);
  EXPECT_EQ(f.keys.MemoryBytes(), empty);
}

TEST(KeyspaceTest, ExpiryIsBoundedAndLeavesLockedSlotsAlone) {
  Fixture f;
  for (int i = 0; i < 20000; ++i) f.Set("{one}" + std::to_string(i), "v", kStart + 10);
  f.keys.SetNow(kStart + 10);
  EXPECT_EQ(f.keys.ExpireSome(1000000, [](SlotId) { return true; }), 0u);
  size_t removed = 0;
  int calls = 0;
  while (removed < 20000 && calls < 1000) {
    const size_t now = f.keys.ExpireSome(200, NothingLocked);
    EXPECT_LE(now, 1200u);
    removed += now;
    ++calls;
  }
  EXPECT_EQ(removed, 20000u);
  EXPECT_EQ(f.keys.stats().expired_keys, 20000u);
}

TEST(KeyspaceTest, WhatALookupMetExpiredIsRemovedNextAndNobodyWaitsForIt) {
  Fixture f;
  f.keys.set_next_lsn(5);
  f.Set("k", "v", kStart + 10);
  f.Set("unseen", "v", kStart + 10);
  f.keys.TakeGate();
  f.keys.set_next_lsn(9);
  f.keys.sink().Clear();
  f.keys.SetNow(kStart + 10);
  EXPECT_EQ(Get(f.keys, "k"), "(none)");
  EXPECT_TRUE(f.keys.sink().empty()) << "a read has logged";
  EXPECT_EQ(f.keys.TakeGate(), 5u);
  EXPECT_EQ(f.keys.RemoveMet(100, [](SlotId) { return true; }), 0u);
  EXPECT_EQ(f.keys.Size(0), 2u);
  EXPECT_EQ(f.keys.RemoveMet(100, NothingLocked), 1u);
  EXPECT_EQ(f.keys.Size(0), 1u);
  EXPECT_EQ(f.keys.sink().payload(), std::string("\x01\x00\x01k", 4));
  EXPECT_EQ(f.keys.LastChange(SlotOf("k")), 5u);
  EXPECT_FALSE(f.keys.has_met());
}

TEST(KeyspaceTest, AHashThatALookupMetLosesItsExpiredFields) {
  Fixture f;
  const Keyspace::FieldValue pairs[] = {{"a", "1"}, {"b", "2"}};
  const std::string_view mortal = "a";
  f.keys.HashSet(0, MakeKey("h"), pairs);
  f.keys.HashExpire(0, MakeKey("h"), {&mortal, 1}, kStart + 10);
  f.keys.Find(0, MakeKey("h"));
  EXPECT_FALSE(f.keys.has_met());
  f.keys.SetNow(kStart + 10);
  f.keys.Find(0, MakeKey("h"), Keyspace::Touch::kQuiet);
  f.keys.RemoveMet(100, NothingLocked);
  const Entry* entry = f.keys.Find(0, MakeKey("h"));
  EXPECT_EQ(static_cast<const HashValue*>(entry->value())->size(), 1u);
  EXPECT_EQ(f.keys.stats().expired_fields, 1u);
}

TEST(KeyspaceTest, OnlySoManyMetKeysAreNoted) {
  Fixture f;
  for (int i = 0; i < 1000; ++i) f.Set(std::to_string(i), "v", kStart + 10);
  f.keys.SetNow(kStart + 10);
  for (int i = 0; i < 1000; ++i) Get(f.keys, std::to_string(i));
  const size_t removed = f.keys.RemoveMet(100, NothingLocked);
  EXPECT_GE(removed, 1u);
  EXPECT_LE(removed, 100u);
}

TEST(KeyspaceTest, TheKeyspaceKnowsWhenSomethingExpiresNext) {
  Fixture f;
  EXPECT_EQ(f.keys.next_expiry(), INT64_MAX);
  f.Set("never", "v");
  f.keys.ExpireSome(100000, NothingLocked);
  EXPECT_EQ(f.keys.next_expiry(), INT64_MAX);
  f.Set("late", "v", kStart + 50);
  f.Set("soon", "v", kStart + 10);
  EXPECT_EQ(f.keys.next_expiry(), kStart + 10);
  f.keys.Swap(0, 3);
  f.keys.SetNow(kStart + 10);
  EXPECT_EQ(f.keys.ExpireSome(100000, NothingLocked), 1u);
  EXPECT_EQ(f.keys.next_expiry(), kStart + 50);
  const Keyspace::FieldValue pair{"f", "v"};
  f.keys.HashSet(0, MakeKey("h"), {&pair, 1});
  f.keys.HashExpire(0, MakeKey("h"), {&pair.field, 1}, kStart + 20);
  EXPECT_EQ(f.keys.next_expiry(), kStart + 20);
  f.keys.SetNow(kStart + 60);
  // In small pieces, over many calls, the round comes to its end all the same.
  for (int i = 0; i < 1000; ++i) f.keys.ExpireSome(2, NothingLocked);
  EXPECT_EQ(f.keys.next_expiry(), INT64_MAX);
  EXPECT_EQ(f.keys.Size(3), 1u);
  EXPECT_EQ(f.keys.Size(0), 0u);
}

TEST(KeyspaceTest, ExpiredFieldsGoAndTheHashWithTheLast) {
  Fixture f;
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i) names.push_back("f" + std::to_string(i));
  const std::vector<std::string_view> fields(names.begin(), names.end());
  for (std::string_view field : fields) {
    const Keyspace::FieldValue pair{field, "v"};
    f.keys.HashSet(0, MakeKey("h"), {&pair, 1});
  }
  f.keys.HashExpire(0, MakeKey("h"), fields, kStart + 10);
  f.keys.SetNow(kStart + 10);
  uint64_t before = 0;
  for (int i = 0; i < 200 && f.keys.Size(0) > 0; ++i) {
    f.keys.ExpireSome(100, NothingLocked);
    EXPECT_LE(f.keys.stats().expired_fields - before, 1100u);
    before = f.keys.stats().expired_fields;
  }
  EXPECT_EQ(f.keys.Size(0), 0u);
  EXPECT_EQ(f.keys.stats().expired_fields, 3000u);
}

// ---- Walks -------------------------------------------------------------------------------------

TEST(KeyspaceTest, RandomKeysAreSpreadOverAllKeysAndNeverExpired) {
  Fixture f;
  Random random(1);
  EXPECT_EQ(f.keys.RandomEntry(0, random), nullptr);
  for (int i = 0; i < 8; ++i) f.Set("{a}" + std::to_string(i), "v");
  f.Set("b", "v");
  f.Set("gone", "v", kStart + 1);
  f.keys.SetNow(kStart + 1);
  std::map<std::string, int> seen;
  for (int i = 0; i < 3000; ++i) ++seen[std::string(f.keys.RandomEntry(0, random)->key())];
  EXPECT_EQ(seen.size(), 9u);
  for (auto& [key, count] : seen) EXPECT_GT(count, 100) << key;
}

TEST(KeyspaceTest, NoRandomKeyIsFoundWhenAllHaveExpired) {
  Fixture f;
  Random random(1);
  for (int i = 0; i < 100; ++i) f.Set(std::to_string(i), "v", kStart + 1);
  f.keys.SetNow(kStart + 1);
  EXPECT_EQ(f.keys.RandomEntry(0, random), nullptr);
  f.Set("live", "v");
  ASSERT_NE(f.keys.RandomEntry(0, random), nullptr);
}

TEST(KeyspaceTest, AScanOfASlotReportsEveryLiveKey) {
  Fixture f;
  std::set<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    f.Set("{s}" + std::to_string(i), "v", i % 5 == 0 ? kStart + 1 : 0);
    if (i % 5 != 0) expected.insert("{s}" + std::to_string(i));
  }
  f.keys.SetNow(kStart + 1);
  std::set<std::string> seen;
  uint64_t cursor = 0;
  do {
    cursor = f.keys.ScanSlot(0, SlotOf("{s}"), cursor, 10,
                             [&](const Entry& entry) { seen.emplace(entry.key()); });
  } while (cursor != 0);
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(f.keys.SizeOfSlot(0, SlotOf("{s}")), 500u);
}

}  // namespace
}  // namespace flashdb
