#include "api/prometheus.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

TEST(PrometheusWriterTest, WritesFamiliesAndSamples) {
  std::string out;
  PrometheusWriter writer(out);
  writer.Counter("a_total", "How many.", 12'345'678'901.0);
  writer.Family("b_seconds", "histogram", "How long.");
  writer.Sample({{"name", "x\"\\\n"}, {"le", "+Inf"}}, 2, "_bucket");
  writer.Sample({{"name", "x"}}, 0.25, "_sum");
  EXPECT_EQ(out,
            "# HELP a_total How many.\n# TYPE a_total counter\na_total 12345678901\n"
            "# HELP b_seconds How long.\n# TYPE b_seconds histogram\n"
            "b_seconds_bucket{name=\"x\\\"\\\\\\n\",le=\"+Inf\"} 2\n"
            "b_seconds_sum{name=\"x\"} 0.25\n");
}

}  // namespace
}  // namespace flashdb
