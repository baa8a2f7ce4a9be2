// The rows of the string commands, and what their lookups count.
#include <gtest/gtest.h>

#include <set>

#include "tests/commands/command_harness.h"

namespace flashdb {
namespace {

TEST(StringRowsTest, EveryRowIsWhole) {
  std::set<std::string_view> names;
  for (const Command& row : StringCommands()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_NE(row.has(kWrite), row.has(kReadOnly)) << row.name;
    EXPECT_TRUE(row.has(kWrite) || !row.has(kDenyOom)) << row.name;
    EXPECT_NE(row.local != nullptr, row.transaction != nullptr) << row.name;
    EXPECT_EQ(row.merge != Merge::kNone, row.kind == CommandKind::kSpread) << row.name;
    EXPECT_GT(row.keys.step, 0) << row.name;
    EXPECT_TRUE(row.doc.group == "string" || row.doc.group == "bitmap") << row.name;
    EXPECT_FALSE(row.doc.summary.empty() || row.doc.since.empty()) << row.name;
    EXPECT_TRUE(row.doc.complexity.starts_with("O(")) << row.name;
  }
  EXPECT_EQ(names.size(), 29u);
}

TEST(StringRowsTest, OnlyReadsCountAsHitsAndMisses) {
  test::CommandHarness harness({StringCommands()});
  const Keyspace::Stats& stats = harness.keys().stats();
  for (std::string_view line : {"SET k 1", "SETNX k 2", "INCR k", "APPEND k 1", "SETRANGE k 0 1",
                                "SETBIT k 0 1", "SET k 1 XX", "INCRBYFLOAT none 1", "MSET a 1"}) {
    harness.Run(line);
    EXPECT_EQ(stats.hits + stats.misses, 0u) << line;
  }
  uint64_t hits = 0;
  for (std::string_view line : {"GET k", "STRLEN k", "GETRANGE k 0 1", "GETBIT k 1", "BITCOUNT k",
                                "BITPOS k 1", "GETEX k", "GETSET k 1", "SET k 1 GET", "MGET k"}) {
    harness.Run(line);
    EXPECT_EQ(stats.hits, ++hits) << line;
  }
  EXPECT_EQ(stats.misses, 0u);
  harness.Run("GET missing");
  harness.Run("MGET missing k");
  EXPECT_EQ(stats.misses, 2u);
  EXPECT_EQ(stats.hits, hits + 1);
}

}  // namespace
}  // namespace flashdb
