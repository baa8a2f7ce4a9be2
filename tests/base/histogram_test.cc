// Percentiles of values counted in buckets.
#include "base/histogram.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

using Sixteenths = LogHistogram<4, 38>;

TEST(HistogramTest, PercentilesAreWithinASixteenth) {
  Sixteenths histogram;
  for (uint64_t value = 1; value <= 100'000; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.total(), 100'000u);
  for (double percent : {1.0, 50.0, 99.0, 99.9}) {
    EXPECT_GE(histogram.Percentile(percent), 1000 * percent) << percent;
    EXPECT_LE(histogram.Percentile(percent), 1000 * percent * 1.0626) << percent;
  }
}

TEST(HistogramTest, SmallValuesAreExactAndHugeOnesAreKept) {
  Sixteenths histogram;
  histogram.Record(0);
  histogram.Record(15);
  histogram.Record(UINT64_MAX);
  EXPECT_EQ(histogram.CountUpTo(0), 1u);
  EXPECT_EQ(histogram.CountUpTo(14), 1u);
  EXPECT_EQ(histogram.CountUpTo(15), 2u);
  EXPECT_EQ(histogram.Percentile(50), 15u);
  EXPECT_EQ(histogram.Percentile(100), (uint64_t{1} << 38) - 1);
  EXPECT_EQ(Sixteenths().Percentile(50), 0u);
}

TEST(HistogramTest, AValueIsInTheBucketThatItsPercentileNames) {
  for (uint64_t value = 1; value < (uint64_t{1} << 62); value += value / 4 + 1) {
    LogHistogram<0, 64> powers;
    powers.Record(value);
    EXPECT_EQ(powers.Percentile(100), std::bit_ceil(value + 1) - 1);
    LogHistogram<7, 64> fine;
    fine.Record(value);
    EXPECT_GE(fine.Percentile(0), value);
    EXPECT_LE(fine.Percentile(0) - value, value / 128);
    EXPECT_EQ(fine.CountUpTo(value - 1), 0u);
  }
}

TEST(HistogramTest, TheLargestValueOfAllIsItsOwnBucketsEnd) {
  LogHistogram<7, 64> histogram;
  histogram.Record(UINT64_MAX);
  EXPECT_EQ(histogram.Percentile(50), UINT64_MAX);
}

TEST(HistogramTest, MergedCountsAddUp) {
  Sixteenths one;
  Sixteenths other;
  one.Record(3);
  other.Record(3);
  other.Record(1000);
  one.Merge(other);
  EXPECT_EQ(one.total(), 3u);
  EXPECT_EQ(one.CountUpTo(3), 2u);
}

TEST(HistogramTest, APercentileIsReachedInTheFirstBucketThatHasEnough) {
  const std::array<uint64_t, 4> counts = {0, 50, 0, 50};
  EXPECT_EQ(PercentileBucket(counts, 100, 0), 1u);
  EXPECT_EQ(PercentileBucket(counts, 100, 50), 1u);
  EXPECT_EQ(PercentileBucket(counts, 100, 50.1), 3u);
  EXPECT_EQ(PercentileBucket(counts, 100, 100), 3u);
}

}  // namespace
}  // namespace flashdb
