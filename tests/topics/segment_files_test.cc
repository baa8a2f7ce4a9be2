#include "topics/segment_files.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

std::string Joined(std::span<const iovec> parts) {
  std::string joined;
  for (const iovec& part : parts) {
    joined.append(static_cast<const char*>(part.iov_base), part.iov_len);
  }
  return joined;
}

TEST(PartsOfAWriteTest, WhatAShortWriteTookIsLeftOut) {
  const std::string all = "abcdefgh";
  for (size_t taken = 0; taken <= all.size(); ++taken) {
    std::vector<iovec> parts = {PartOf("abc"), PartOf("d"), PartOf("efgh")};
    std::span<iovec> left = WithoutFirst(parts, taken);
    EXPECT_EQ(Joined(left), all.substr(taken));
    EXPECT_EQ(left.empty(), taken == all.size());
    for (const iovec& part : left) EXPECT_GT(part.iov_len, 0u);
  }
}

}  // namespace
}  // namespace flashdb
